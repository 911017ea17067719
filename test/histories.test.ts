import { randomInt } from 'node:crypto';
import fc from 'fast-check';
import { describe, it } from 'vitest';
import type { Variant } from './variants.js';
import { histories } from './histories/commands.js';
import { History } from './histories/history.js';
import type { Stage } from './histories/history.js';
import { Model } from './histories/model.js';
import { Residue } from './histories/residue.js';
import { tcpVariant, variants } from './variants.js';

/** How many histories for each network; thousands take minutes. */
const rounds = Number(process.env['HISTORIES'] ?? 800);
/** Of a failure: its `seed`, and of its `path` the first number. */
const { HISTORIES_SEED: seed, HISTORIES_PATH: path } = process.env;

/**
 * Its own address, where the system has as many as one likes: nobody else takes the port that a listener has given up, so that a
 * connect to it has to be refused.
 */
const host =
  process.platform === 'linux' ? `127.${randomInt(1, 255)}.${randomInt(1, 255)}.${randomInt(1, 255)}` : '127.0.0.1';

const networks: Record<string, { variant: Variant; systemChooses: boolean }> = {
  TCP: { variant: tcpVariant(host), systemChooses: true },
  'unix by path': { variant: variants['unix by path'], systemChooses: false },
  'unix automatic': { variant: variants['unix automatic'], systemChooses: true },
};

/** A few addresses that were given up. */
async function stageOf({ variant, systemChooses }: { variant: Variant; systemChooses: boolean }): Promise<Stage> {
  const place = await variant.open();
  const addresses: string[] = [];
  for (let i = 0; i < 2; i++) {
    await using transport = place.create();
    addresses.push(await transport.listen());
  }
  return { place, resets: variant.resets, addresses, systemChooses };
}

describe.each(Object.entries(networks))('%s', (_, network) => {
  it('keeps the contract through any history, and nothing remains', { timeout: 60_000 + rounds * 50 }, async () => {
    const stage = await stageOf(network);
    try {
      await fc.assert(
        fc.asyncProperty(histories, async (commands) => {
          const residue = await Residue.begin(stage.place);
          const model = new Model();
          const history = new History(model, stage);
          try {
            for (let i = 0; i < 3; i++) history.create();
            await fc.asyncModelRun(() => ({ model, real: history }), commands);
            await history.end();
            await residue.expectNone();
          } catch (error) {
            throw new Error(history.toString(), { cause: error });
          } finally {
            await history.dispose();
            residue.end();
          }
        }),
        {
          numRuns: rounds,
          ...(seed !== undefined && { seed: Number(seed) }),
          ...(path !== undefined && { path }),
          // Each attempt at making a history shorter that hangs takes its time.
          interruptAfterTimeLimit: 30_000 + rounds * 50,
        },
      );
    } finally {
      await stage.place.close();
    }
  });
});
