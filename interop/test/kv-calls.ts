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

/** Puts all entries in one stream. Resolves with the service's count. */
export function putAll(client: KVClient, entries: Iterable<Entry> | AsyncIterable<Entry>): Promise<number> {
  return new Promise((resolve, reject) => {
    const requests = client.PutAll((error, answer) => {
      if (error !== null) reject(error);
      else resolve(answer?.count ?? 0);
    });
    // The answer reports a failed write.
    writeAll(requests, entries).catch(() => undefined);
  });
}

/** Yields one entry and never ends. */
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
