import type { KVClient } from '@rpcplugin/example-kv/protos';

/** Makes the first call to the plugin. Resolves when it is answered. */
export function answer(client: KVClient): Promise<void> {
  return new Promise((resolve, reject) => {
    client.Put({ key: 'hello', value: Buffer.from('world') }, (error) => {
      if (error === null) resolve();
      else reject(error);
    });
  });
}
