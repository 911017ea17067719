import { until } from '@rpcplugin/test-support/process';
import { machinesIn } from './faults.js';
import type { Outcome } from './load.js';
import type { ClientConnection } from './programs.js';

const LIMIT_MS = 60_000;

/** Resolves with the calls of a connection's load, once all of these machines answer them and no other. */
export async function callsReach(
  connection: ClientConnection,
  machines: readonly { readonly name: string }[],
): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  const expected = machines.map(({ name }) => name).sort();
  await until(
    async () => {
      const taken = await connection.take();
      outcomes.push(...taken);
      return [...machinesIn(taken)].sort().join() === expected.join();
    },
    { timeoutMs: LIMIT_MS },
  );
  return outcomes;
}
