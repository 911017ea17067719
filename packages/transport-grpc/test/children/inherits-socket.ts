// A plugin on the socket of its host, which is its descriptor 3. Closes and ends when its standard input ends.
// Argument: the path of a unix socket; none for TCP.
import { ServerCredentials } from '@grpc/grpc-js';
import { TCPSocketTransport } from '@rpcplugin/transport-tcp';
import { UnixSocketTransport } from '@rpcplugin/transport-unix';
import { serveGrpc } from '../../src/index.js';
import { ProbeServer } from '../service.js';

const [, , path] = process.argv;
const transport = path === undefined ? new TCPSocketTransport({ fd: 3 }) : new UnixSocketTransport({ fd: 3, path });
const listener = await serveGrpc(new ProbeServer('child').server, transport, ServerCredentials.createInsecure());
process.stdin.resume().once('end', () => void listener.close({ graceMs: 60_000 }));
console.log(`listening on ${listener.endpoint}`);
