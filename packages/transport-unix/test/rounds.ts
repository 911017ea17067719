/** How many rounds a test of chance takes. `pnpm stress` in this package runs thousands. */
export function roundsOr(inSuite: number): number {
  return Number(process.env['STRESS_ROUNDS'] ?? inSuite);
}
