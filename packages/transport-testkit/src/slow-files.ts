import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';

type Api = Record<string, unknown>;

/**
 * Delays every call of `node:fs` in this process by `ms` milliseconds until the returned function is called. On a
 * busy machine a process can lose its processor between any two calls; with this, the other side always has the time
 * for its next step.
 */
export function slowFiles(ms: number): () => void {
  const cell = new Int32Array(new SharedArrayBuffer(4));
  const originals: (() => void)[] = [];
  const delay = (api: Api, name: string, later: (call: () => unknown) => unknown): void => {
    const original = api[name];
    if (typeof original !== 'function') return;
    originals.push(() => {
      api[name] = original;
    });
    api[name] = new Proxy(original, {
      apply: (target, self, args) => later(() => Reflect.apply(target, self, args) as unknown),
    });
  };
  for (const name of Object.keys(fs).filter((each) => each.endsWith('Sync'))) {
    const base = name.slice(0, -'Sync'.length);
    delay(fs, name, (call) => {
      Atomics.wait(cell, 0, 0, ms);
      return call();
    });
    delay(fs, base, (call) => void setTimeout(call, ms));
    // This one returns an iterator.
    if (base !== 'glob') delay(fs.promises, base, (call) => sleep(ms).then(call));
  }
  syncBuiltinESMExports();
  return () => {
    for (const restore of originals) restore();
    syncBuiltinESMExports();
  };
}
