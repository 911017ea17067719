// Teaches grpc-js the scheme `xds:`. The environment says where the control plane is: GRPC_XDS_BOOTSTRAP, a file, or
// GRPC_XDS_BOOTSTRAP_CONFIG, its contents.
import { register } from '@grpc/grpc-js-xds';

register();
