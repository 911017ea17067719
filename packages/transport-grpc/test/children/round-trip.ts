// Serves, connects, calls and closes everything; then nothing must keep the process alive.
import { credentials, ServerCredentials } from '@grpc/grpc-js';
import { TCPSocketTransport } from '@rpcplugin/transport-tcp';
import { UnixSocketTransport } from '@rpcplugin/transport-unix';
import { connectGrpc, serveGrpc } from '../../src/index.js';
import { ask, call, Probe, ProbeServer } from '../service.js';

const probe = new ProbeServer('child');
const transport = process.argv[2] === 'unix' ? new UnixSocketTransport() : new TCPSocketTransport();
const listener = await serveGrpc(probe.server, transport, ServerCredentials.createInsecure());
const connection = await connectGrpc(listener.endpoint, credentials.createInsecure());
const client = connection.client(Probe);

if ((await ask(client, 'echo', 'hello')) !== 'hello') throw new Error('not the answer that was to come');
const arrived = probe.nextHanging();
const cut = call(client, 'hang').catch((error: unknown) => error);
await arrived;
await listener.close({ graceMs: 50 });
if (!((await cut) instanceof Error)) throw new Error('the call was to be cut off');
connection.close();
// A connection that does not come about is to leave nothing either.
await connectGrpc(listener.endpoint, credentials.createInsecure(), { waitMs: 10 }).catch(() => undefined);
process.disconnect();
