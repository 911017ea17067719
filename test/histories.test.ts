import { randomInt } from 'node:crypto';
import { roundsOr } from '@rpcplugin/test-support';
import fc from 'fast-check';
import { describe, it } from 'vitest';
import type { Variant } from './variants.js';
import { histories } from './histories/commands.js';
import { History } from './histories/history.js';
import type { Stage } from './histories/history.js';
import { Model } from './histories/model.js';
import { LeakCheck } from './histories/leak-check.js';
import { tcpVariant, variants } from './variants.js';

/** The number of histories per network. */
const rounds = roundsOr(100);
/** To repeat a failure: its `seed`, and the first number of its `path`. */
const { HISTORIES_SEED: seed, HISTORIES_PATH: path } = process.env;

/**
 * A loopback address of its own, on systems with many. No other process takes the port that a listener released there,
 * so a connect to it must be refused.
 */
const host =
  process.platform === 'linux' ? `127.${randomInt(1, 255)}.${randomInt(1, 255)}.${randomInt(1, 255)}` : '127.0.0.1';

const networks: Record<string, { variant: Variant; systemChooses: boolean }> = {
  TCP: { variant: tcpVariant(host), systemChooses: true },
  'unix by path': { variant: variants['unix by path'], systemChooses: false },
  'unix automatic': { variant: variants['unix automatic'], systemChooses: true },
};

/** A stage with a few addresses that listeners have released. */
async function stageOf({ variant, systemChooses }: { variant: Variant; systemChooses: boolean }): Promise<Stage> {
  const place = await variant.open();
  const addresses: string[] = [];
  for (let i = 0; i < 2; i++) {
    await using transport = place.create();
    addresses.push(await transport.listen());
  }
  return { place, resets: variant.resets, addresses, systemChooses };
}

describe.each(Object.entries(networks))('transports over %s', (_, network) => {
  it('keep the contract in any history of calls, and leave nothing', { timeout: 60_000 + rounds * 50 }, async () => {
    const stage = await stageOf(network);
    try {
      await fc.assert(
        fc.asyncProperty(histories, async (commands) => {
          const leaks = await LeakCheck.begin(stage.place);
          const model = new Model();
          const history = new History(model, stage);
          try {
            for (let i = 0; i < 3; i++) history.create();
            await fc.asyncModelRun(() => ({ model, real: history }), commands);
            await history.end();
            await leaks.expectNone();
          } catch (error) {
            throw new Error(history.toString(), { cause: error });
          } finally {
            await history.dispose();
            leaks.end();
          }
        }),
        {
          numRuns: rounds,
          ...(seed !== undefined && { seed: Number(seed) }),
          ...(path !== undefined && { path }),
          // Each attempt to shrink a history that hangs takes its full time.
          interruptAfterTimeLimit: 30_000 + rounds * 50,
        },
      );
    } finally {
      await stage.place.close();
    }
  });
});
