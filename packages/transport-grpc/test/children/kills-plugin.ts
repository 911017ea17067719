// A host that kills its plugin while it reads from it and writes to it. Exits by itself, with 0 if every call failed
// because of that. Arguments: the plugin's endpoint and process id and, for mutual TLS, the directories of the plugin's
// identity and its own.
import { readFileSync } from 'node:fs';
import { credentials as channelCredentials, Metadata, status } from '@grpc/grpc-js';
import { connectGrpc } from '../../src/index.js';
import { clientTls, readIdentity } from '../certificates.js';
import { call, Probe } from '../service.js';
import { transportTo } from '../transport-to.js';

const [endpoint = '', plugin = '', theirs, own] = process.argv.slice(2);
const credentials =
  theirs === undefined || own === undefined
    ? channelCredentials.createInsecure()
    : clientTls(await readIdentity(theirs, 'localhost'), await readIdentity(own, 'localhost'));
const connections = await Promise.all(
  Array.from({ length: 10 }, () => connectGrpc(transportTo(endpoint), endpoint, credentials)),
);
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
  // The whole response may have arrived before.
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
    // Writes to a plugin that is dead by then, between responses that arrived before.
    calls.push(call(client, 'hang').catch((error: unknown) => error));
  });
}
// Now only the connections keep this process alive.
process.disconnect();

// No call starts after the last download.
const endings = [...(await Promise.all(downloads)), ...(await Promise.all(calls))];
const expected = (ending: unknown): boolean =>
  ending === 'complete' || (ending instanceof Error && 'code' in ending && ending.code === status.UNAVAILABLE);
if (begun < connections.length || !endings.every(expected)) throw new Error(endings.map(String).join(', '));
await Promise.all(connections.map((connection) => connection.close()));

/** Kills the plugin without a turn of the event loop, so that this process cannot notice before the plugin is dead. */
function killPlugin(): void {
  process.kill(Number(plugin), 'SIGKILL');
  while (/^State:\s+[^XZ]/m.test(statusOf(plugin)));
}

function statusOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/status`, 'utf8');
  } catch {
    // Its parent has already reaped it.
    return '';
  }
}
