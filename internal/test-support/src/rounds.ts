/** Whether tests of chance and load run thousands of rounds, instead of those that fit the suite: `pnpm stress`. */
export const isStress = process.env['STRESS_ROUNDS'] !== undefined;

/** How many rounds a test of chance takes. `pnpm stress` runs thousands. */
export function roundsOr(inSuite: number): number {
  return Number(process.env['STRESS_ROUNDS'] ?? inSuite);
}
