import { afterAll, beforeAll, inject } from 'vitest';

declare module 'vitest' {
  interface ProvidedContext {
    activeMutant: string | undefined;
  }
}

// What a child process of a test runs has the mutants as well; Stryker itself tells only the process of the tests which it is.
beforeAll(() => {
  const activeMutant = inject('activeMutant');
  if (activeMutant !== undefined) process.env['__STRYKER_ACTIVE_MUTANT__'] = activeMutant;
});
afterAll(() => {
  delete process.env['__STRYKER_ACTIVE_MUTANT__'];
});
