// A host that waits for the answer to a call, with nothing else to keep the process alive. Argument: the endpoint.
import { credentials } from '@grpc/grpc-js';
import { connectGrpc } from '../../src/index.js';
import { ask, Probe } from '../service.js';
import { transportTo } from '../transport-to.js';

const [endpoint = ''] = process.argv.slice(2);
const connection = await connectGrpc(transportTo(endpoint), endpoint, credentials.createInsecure());
const answer = ask(connection.client(Probe), 'hang', 'the answer');
process.disconnect();
console.log(await answer);
