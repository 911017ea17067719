// Calls a plugin with a proxy in the environment, through `connectGrpc` or with a plain grpc-js client.
import { credentials } from '@grpc/grpc-js';
import { connectGrpc } from '../../src/index.js';
import { ask, Probe } from '../service.js';
import { transportTo } from '../transport-to.js';

const [how, endpoint = ''] = process.argv.slice(2);
const insecure = credentials.createInsecure();
const client =
  how === 'grpc-js'
    ? new Probe(endpoint, insecure)
    : (await connectGrpc(transportTo(endpoint), endpoint, insecure)).client(Probe);
const deadline = Date.now() + 10_000;
process.send?.(
  await ask(client, 'echo', 'hello', { deadline }).catch((error: unknown) => `failed: ${String(error)}`),
  () => process.exit(),
);
