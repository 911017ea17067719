import { afterAll, beforeAll, inject } from 'vitest';

declare module 'vitest' {
  interface ProvidedContext {
    activeMutant: string | undefined;
    globalNamespace: string;
  }
}

// Child processes of tests run the mutants too, but Stryker tells only the test process which one is active.
beforeAll(() => {
  const activeMutant = inject('activeMutant');
  if (activeMutant !== undefined) process.env['__STRYKER_ACTIVE_MUTANT__'] = activeMutant;
});
afterAll(() => {
  delete process.env['__STRYKER_ACTIVE_MUTANT__'];
  // Before Stryker reads it: the last hook that was registered runs first.
  const stryker = (globalThis as Record<string, { mutantCoverage?: unknown } | undefined>)[inject('globalNamespace')];
  if (process.env['MUTATE_ALL_TESTS'] !== undefined) delete stryker?.mutantCoverage;
});
