// A host and its plugin in one process, with TLS connections on which no call is in progress. Prints how often the process
// wakes up in 1.5 seconds. Arguments: the number of connections and the directory of an identity.
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { TCPSocketTransport } from '@rpcplugin/transport-tcp';
import { connectGrpc, serveGrpc } from '../../src/index.js';
import { clientTls, readIdentity, serverTls } from '../certificates.js';
import { ask, Probe, ProbeServer } from '../service.js';

const [connections = '', directory = ''] = process.argv.slice(2);
const identity = await readIdentity(directory, 'localhost');
const transport = new TCPSocketTransport();
const { endpoint } = await serveGrpc(new ProbeServer('idle').server, new TCPSocketTransport(), serverTls(identity));
for (let i = 0; i < Number(connections); i++) {
  const connection = await connectGrpc(transport, endpoint, clientTls(identity));
  await ask(connection.client(Probe), 'echo');
}
// Connections are looked at once after the last call.
await sleep(500);
const before = performance.nodeTiming.uvMetricsInfo.loopCount;
await sleep(1500);
console.log(performance.nodeTiming.uvMetricsInfo.loopCount - before);
process.exit();
