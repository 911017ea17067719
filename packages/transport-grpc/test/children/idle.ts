// A host that calls a plugin and closes nothing. With no call in progress, nothing must keep the process alive.
// Arguments: the endpoint and, for mutual TLS, the directories of the plugin's identity and its own.
import { credentials } from '@grpc/grpc-js';
import { connectGrpc } from '../../src/index.js';
import { clientTls, readIdentity } from '../certificates.js';
import { ask, Probe } from '../service.js';
import { transportTo } from '../transport-to.js';

const [endpoint = '', theirs, own] = process.argv.slice(2);
const connection = await connectGrpc(
  transportTo(endpoint),
  endpoint,
  theirs === undefined || own === undefined
    ? credentials.createInsecure()
    : clientTls(await readIdentity(theirs, 'localhost'), await readIdentity(own, 'localhost')),
);
await ask(connection.client(Probe), 'echo');
process.disconnect();
