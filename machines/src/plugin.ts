// The key-value plugin for hosts on other machines: over TCP with mutual TLS, and with gRPC's health service.
// Arguments: the directory of the certificates, and for how long a connection may last, in milliseconds.
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { KV } from '@rpcplugin/example-kv/protos';
import { createStore } from '@rpcplugin/example-kv/store';
import { serveGrpc } from '@rpcplugin/transport-grpc';
import { TCPSocketTransport } from '@rpcplugin/transport-tcp';
import { HealthImplementation } from 'grpc-health-check';

const [directory = '.', maxConnectionAgeMs = '300000'] = process.argv.slice(2);
const read = (name: string): Buffer => readFileSync(join(directory, name));

const server = new Server({
  'grpc.max_receive_message_length': -1,
  // When a connection ends, its client looks for machines that are new.
  'grpc.max_connection_age_ms': Number(maxConnectionAgeMs),
});
server.addService(KV.service, createStore([['machine', Buffer.from(hostname())]]));
const health = new HealthImplementation({ '': 'SERVING', plugin: 'SERVING' });
health.addToServer(server);
// For maintenance: tells clients that check the health to make no more calls.
process.on('SIGUSR2', () => {
  for (const service of ['', 'plugin']) health.setStatus(service, 'NOT_SERVING');
  console.log('not serving');
});

const pair = { private_key: read('plugin.key'), cert_chain: read('plugin.crt') };
const credentials = ServerCredentials.createSsl(read('authority.crt'), [pair], true);
const transport = new TCPSocketTransport({ host: '::', port: 50051 });
const listener = await serveGrpc(server, transport, credentials);
process.once('SIGTERM', () => void listener.close());
console.log(`serving at ${listener.endpoint}`);
