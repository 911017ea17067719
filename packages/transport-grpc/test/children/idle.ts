// A host that has called the plugin at its first argument, with mutual TLS if it gets directories as `plugin.ts` does, and closes
// nothing. No call is under way, so nothing must keep the process alive.
import { credentials } from '@grpc/grpc-js';
import { connectGrpc } from '../../src/index.js';
import { clientTls, readIdentity } from '../certificates.js';
import { ask, Probe } from '../service.js';

const [endpoint = '', theirs, own] = process.argv.slice(2);
const connection = await connectGrpc(
  endpoint,
  theirs === undefined || own === undefined
    ? credentials.createInsecure()
    : clientTls(await readIdentity(theirs, 'localhost'), await readIdentity(own, 'localhost')),
);
await ask(connection.client(Probe), 'echo');
process.disconnect();
