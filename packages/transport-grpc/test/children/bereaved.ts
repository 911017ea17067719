// A host with mutual TLS that is in the middle of reading and writing when it kills its plugin, whose process id it gets. Ends with 0,
// and with nothing to end it, if every call has failed because of it.
import { readFileSync } from 'node:fs';
import { credentials as channelCredentials, Metadata, status } from '@grpc/grpc-js';
import { connectGrpc } from '../../src/index.js';
import { clientTls, readIdentity } from '../certificates.js';
import { call, Probe } from '../service.js';

const [endpoint = '', plugin = '', theirs, own] = process.argv.slice(2);
const credentials =
  theirs === undefined || own === undefined
    ? channelCredentials.createInsecure()
    : clientTls(await readIdentity(theirs, 'localhost'), await readIdentity(own, 'localhost'));
const connections = await Promise.all(Array.from({ length: 10 }, () => connectGrpc(endpoint, credentials)));
const request = Buffer.from(
  Array<string>(32)
    .fill('x'.repeat(2 ** 16))
    .join(','),
);

const downloads: Promise<unknown>[] = [];
const calls: Promise<unknown>[] = [];
let begun = 0;
for (const connection of connections) {
  const client = connection.client(Probe);
  const answers = client.split(request, new Metadata(), {});
  // All of it may have arrived before.
  downloads.push(
    new Promise((resolve) => {
      answers.on('error', resolve).on('end', () => {
        resolve('complete');
      });
    }),
  );
  answers.once('data', () => {
    begun += 1;
    if (begun === connections.length) killPlugin();
  });
  answers.on('data', () => {
    // What it writes to a plugin that is dead by then, between the answers that have arrived already.
    calls.push(call(client, 'hang').catch((error: unknown) => error));
  });
}
// So that nothing but its connections keeps this process.
process.disconnect();

// No call is made after the last of the downloads.
const endings = [...(await Promise.all(downloads)), ...(await Promise.all(calls))];
const expected = (ending: unknown): boolean =>
  ending === 'complete' || (ending instanceof Error && 'code' in ending && ending.code === status.UNAVAILABLE);
if (begun < connections.length || !endings.every(expected)) throw new Error(endings.map(String).join(', '));
for (const connection of connections) connection.close();

/** Without a turn of the event loop in between, so that this process can not have noticed. */
function killPlugin(): void {
  process.kill(Number(plugin), 'SIGKILL');
  while (/^State:\s+[^XZ]/m.test(statusOf(plugin)));
}

function statusOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/status`, 'utf8');
  } catch {
    // Its parent has waited for it already.
    return '';
  }
}
