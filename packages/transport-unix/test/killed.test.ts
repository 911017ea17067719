import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { freshDirectory, turns, until } from '@rpcplugin/test-support';
import { describe, expect, it } from 'vitest';
import { bundleChild } from './bundle.js';
import { startProcess } from './racers.js';
import { transport } from './support.js';

const racer = bundleChild('racer');

describe('listen at the path of a killed process', () => {
  it('succeeds at once if the process was listening', async () => {
    const directory = await freshDirectory();
    const path = join(directory, 'p.sock');
    for (let i = 0; i < 5; i++) {
      const killed = await startProcess(racer);
      expect(await killed.ask({ listen: { path } })).toBe(`unix:${path}`);
      await killed.kill();
    }
    const next = transport({ path });
    await next.listen();
    await next.close();
    expect(await readdir(directory)).toEqual([]);
  });

  it('succeeds at once if the process died during listen or close, and leftovers do not add up', async () => {
    const directory = await freshDirectory();
    const path = join(directory, 'p.sock');
    for (let i = 0; i < 40; i += 2) {
      const killed = await startProcess(racer);
      expect(await killed.ask({ cycle: { path } })).toBe('cycling');
      await turns(i);
      await killed.kill();
      // The socket and a staging directory.
      expect((await readdir(directory)).length).toBeLessThanOrEqual(2);
      const next = transport({ path });
      await next.listen();
      // What the process left in the staging directory is swept a little later.
      await until(async () => String(await readdir(directory)) === 'p.sock');
      await next.close();
      expect(await readdir(directory)).toEqual([]);
    }
  });
});
