// A host of the key-value plugins on other machines: asks one of them for its name.
// Arguments: the directory of the certificates, and where the plugins are.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { credentials } from '@grpc/grpc-js';
import { KV } from '@rpcplugin/example-kv/protos';
import { connectGrpcTarget } from '@rpcplugin/transport-grpc';

const [directory = '.', target = 'dns:///kv.internal:50051'] = process.argv.slice(2);
const read = (name: string): Buffer => readFileSync(join(directory, name));

const mutualTls = credentials.createSsl(read('authority.crt'), read('host.key'), read('host.crt'));
const connection = await connectGrpcTarget(target, mutualTls, {
  authority: 'kv.internal',
  pingIntervalMs: 1000,
  channelOptions: {
    'grpc.service_config': JSON.stringify({ loadBalancingConfig: [{ round_robin: {} }] }),
    'grpc.max_reconnect_backoff_ms': 5000,
  },
});
connection.client(KV).Get({ key: 'machine' }, { deadline: Date.now() + 5000 }, (error, answer) => {
  console.log(error === null ? `answered by ${answer?.value.toString()}` : error.message);
  void connection.close();
});
