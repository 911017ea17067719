import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { freshDirectory, turns } from '@rpcplugin/test-support';
import { describe, expect, it } from 'vitest';
import { bundleChild } from './bundle.js';
import { startProcess } from './racers.js';
import { transport } from './support.js';

const racer = await bundleChild('racer');

describe('after a process was killed', () => {
  it('while it listened, the same path is listened on at once', async () => {
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

  it('at any point of listen or close, the same path is listened on at once, and leftovers do not add up', async () => {
    const directory = await freshDirectory();
    const path = join(directory, 'p.sock');
    for (let i = 0; i < 40; i++) {
      const killed = await startProcess(racer);
      expect(await killed.ask({ cycle: { path } })).toBe('cycling');
      await turns(i);
      await killed.kill();
      // The socket, and the directory that one was prepared in.
      expect((await readdir(directory)).length).toBeLessThanOrEqual(2);
      const next = transport({ path });
      await next.listen();
      expect(await readdir(directory)).toEqual(['p.sock']);
      await next.close();
      expect(await readdir(directory)).toEqual([]);
    }
  });
});
