import { tcpOptionsFromEnv, tcpTransportFactory } from '@rpcplugin/transport-tcp';
import { unixOptionsFromEnv, unixTransportFactory } from '@rpcplugin/transport-unix';

/** In the order in which a plugin tries them. A network of another package, such as stdio, is one more line here. */
export const networks = [unixTransportFactory(unixOptionsFromEnv), tcpTransportFactory(tcpOptionsFromEnv)] as const;
