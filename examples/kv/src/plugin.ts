// A plugin: serves its key-value store and what go-plugin expects of every plugin, prints the handshake line, and stops
// when asked.
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { toHandshakeAddress } from '@rpcplugin/endpoint-utils';
import { negotiateListener } from '@rpcplugin/transport-core';
import { serveGrpc } from '@rpcplugin/transport-grpc';
import { tcpOptionsFromEnv, tcpTransportFactory } from '@rpcplugin/transport-tcp';
import { unixOptionsFromEnv, unixTransportFactory } from '@rpcplugin/transport-unix';
import { HealthImplementation } from 'grpc-health-check';
import { makeIdentity, pluginCredentials, toHandshakeField } from './auto-mtls.js';
import type { GRPCControllerHandlers } from './generated/plugin/GRPCController.js';
import type { KVHandlers } from './generated/proto/KV.js';
import { GRPCController, KV } from './protos.js';
import { createStore } from './store.js';

const server = new Server({ 'grpc.max_receive_message_length': -1 });
server.addService(KV.service, createStore() satisfies KVHandlers);
server.addService(GRPCController.service, {
  Shutdown: (_call, callback) => {
    callback(null, {});
    stop();
  },
} satisfies GRPCControllerHandlers);
new HealthImplementation({ plugin: 'SERVING' }).addToServer(server);

const offered = (process.env['PLUGIN_TRANSPORTS'] ?? 'unix,tcp').split(',');
const factories = [
  unixTransportFactory(unixOptionsFromEnv),
  tcpTransportFactory(() => ({ ...tcpOptionsFromEnv(), host: process.env['KV_HOST'] })),
];

// The transports install no signal handlers, as the application decides what a signal means. After `close` nothing
// keeps the process alive, so it ends by itself. A signal may arrive before the plugin listens.
const stopped = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, stop);

const { signal } = stopped;
const hostCertificate = process.env['PLUGIN_CLIENT_CERT'];
const own = hostCertificate ? await makeIdentity() : undefined;
const security = hostCertificate && own ? pluginCredentials(own, hostCertificate) : ServerCredentials.createInsecure();
const listener = await negotiateListener(offered, factories, (transport) =>
  serveGrpc(server, transport, security, { signal }),
).catch((error: unknown) => {
  if (signal.aborted) process.exit();
  throw error;
});
signal.addEventListener('abort', () => void listener.close());
const { network, address } = toHandshakeAddress(listener.endpoint, listener.network);
const fields = ['1', '1', network, address, 'grpc', ...(own ? [toHandshakeField(own)] : [])];
process.stdout.write(`${fields.join('|')}\n`);

function stop(): void {
  stopped.abort();
}
