/** Whether the tests of chance run thousands of rounds: `pnpm stress` in this package. */
export const isStress = process.env['STRESS_ROUNDS'] !== undefined;

/** How many rounds a test of chance takes. `pnpm stress` in this package runs thousands. */
export function roundsOr(inSuite: number): number {
  return Number(process.env['STRESS_ROUNDS'] ?? inSuite);
}
