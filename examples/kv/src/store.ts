import { status } from '@grpc/grpc-js';
import type { KVHandlers } from './generated/proto/KV.js';

/** A key-value store in memory, as handlers of the KV service. */
export function createStore(initial: Iterable<readonly [key: string, value: Buffer]> = []): KVHandlers {
  const entries = new Map(initial);
  return {
    Get: ({ request: { key } }, callback) => {
      const value = entries.get(key);
      if (value === undefined) callback({ code: status.NOT_FOUND, details: `no key ${JSON.stringify(key)}` });
      else callback(null, { value });
    },
    Put: ({ request: { key, value } }, callback) => {
      entries.set(key, value);
      callback(null, {});
    },
    List: (call) => {
      for (const [key, value] of entries) call.write({ key, value });
      call.end();
    },
    PutAll: (call, callback) => {
      let count = 0;
      call.on('data', ({ key, value }: { key: string; value: Buffer }) => {
        entries.set(key, value);
        count++;
      });
      call.on('end', () => {
        callback(null, { count });
      });
    },
  };
}
