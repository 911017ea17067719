import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Controlled, freshDirectory, staleSocketAt, transport } from './support.js';

const ROUNDS = 20;

it('of 8 processes that start at once on one path, exactly one wins, stale socket or none', async () => {
  const directory = await freshDirectory();
  const processes = await Promise.all(Array.from({ length: 8 }, () => Controlled.start()));
  for (let round = 0; round < 2 * ROUNDS; round++) {
    const path = join(directory, `p${round}.sock`);
    if (round < ROUNDS) await staleSocketAt(path);
    const replies = await Promise.all(processes.map((each) => each.ask({ do: 'listen', options: { path } })));
    const outcomes = replies.map(({ endpoint, error }) => endpoint ?? error?.code);
    expect(outcomes.filter((outcome) => outcome === `unix:${path}`)).toHaveLength(1);
    expect(outcomes.filter((outcome) => outcome === 'ADDRESS_IN_USE')).toHaveLength(7);
    // The name leads to the one that won.
    await transport().connect(`unix:${path}`, { waitMs: 0 });
    await processes[outcomes.indexOf(`unix:${path}`)]?.ask({ do: 'close' });
    expect(await readdir(directory)).toEqual([]);
  }
});

it('of 8 transports of one process that start at once on one path, exactly one wins', async () => {
  const directory = await freshDirectory();
  for (let round = 0; round < ROUNDS; round++) {
    const path = join(directory, `p${round}.sock`);
    await staleSocketAt(path);
    const transports = Array.from({ length: 8 }, () => transport({ path }));
    const outcomes = await Promise.allSettled(transports.map((each) => each.listen()));
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'ADDRESS_IN_USE' });
    }
    await transport().connect(`unix:${path}`, { waitMs: 0 });
    await Promise.all(transports.map((each) => each.close({ graceMs: 0 })));
    expect(await readdir(directory)).toEqual([]);
  }
});
