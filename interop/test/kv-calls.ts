// The calls of the key-value service, as promises.
import { once } from 'node:events';
import type { KV } from '@rpcplugin/example-kv/protos';

type KVClient = InstanceType<typeof KV>;

export interface Entry {
  readonly key: string;
  readonly value: Buffer;
}

export function get(client: KVClient, key: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    client.Get({ key }, (error, answer) => {
      if (error !== null) reject(error);
      else resolve(answer?.value ?? Buffer.alloc(0));
    });
  });
}

export function put(client: KVClient, entry: Entry): Promise<void> {
  return new Promise((resolve, reject) => {
    client.Put(entry, (error) => {
      if (error !== null) reject(error);
      else resolve();
    });
  });
}

export async function list(client: KVClient): Promise<Entry[]> {
  const entries: Entry[] = [];
  for await (const entry of client.List({})) entries.push(entry as Entry);
  return entries;
}

/** How many it says that it has put. */
export function putAll(client: KVClient, entries: Iterable<Entry> | AsyncIterable<Entry>): Promise<number> {
  return new Promise((resolve, reject) => {
    const requests = client.PutAll((error, answer) => {
      if (error !== null) reject(error);
      else resolve(answer?.count ?? 0);
    });
    // What cannot be written any more is reported by the answer.
    writeAll(requests, entries).catch(() => undefined);
  });
}

/** One entry, after which nothing comes. */
export async function* unended(entry: Entry, onceTaken: () => void = () => undefined): AsyncGenerator<Entry> {
  yield entry;
  onceTaken();
  await new Promise<never>(() => undefined);
}

async function writeAll(
  requests: ReturnType<KVClient['PutAll']>,
  entries: Iterable<Entry> | AsyncIterable<Entry>,
): Promise<void> {
  for await (const entry of entries) {
    if (!requests.write(entry)) await once(requests, 'drain');
  }
  requests.end();
}
