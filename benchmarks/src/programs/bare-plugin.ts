// The example's plugin with grpc-js alone: the same services, without anything that this project adds.
import { randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { GRPCController } from '@rpcplugin/example-framework/protos';
import { KV } from '@rpcplugin/example-kv/protos';
import { createStore } from '@rpcplugin/example-kv/store';
import { HealthImplementation } from 'grpc-health-check';

const network = process.env['PLUGIN_TRANSPORTS'] ?? 'unix';
const path = join(tmpdir(), `plugin-${randomUUID()}`);

const server = new Server({ 'grpc.max_receive_message_length': -1 });
server.addService(KV.service, { ...createStore() });
server.addService(GRPCController.service, {
  Shutdown: (_call: unknown, callback: (error: null, answer: object) => void) => {
    callback(null, {});
    stop();
  },
});
new HealthImplementation({ plugin: 'SERVING' }).addToServer(server);
for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, stop);

const target = network === 'unix' ? `unix:${path}` : '127.0.0.1:0';
server.bindAsync(target, ServerCredentials.createInsecure(), (error, port) => {
  if (error !== null) throw error;
  process.stdout.write(`1|1|${network}|${network === 'unix' ? path : `127.0.0.1:${port}`}|grpc\n`);
});

function stop(): void {
  server.tryShutdown(() => undefined);
}
