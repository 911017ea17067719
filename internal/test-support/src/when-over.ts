import { afterAll } from 'vitest';
import type { ProgramOptions } from './program.js';

/**
 * Registers what ends the things that a `beforeAll` starts. Call it outside of hooks: Vitest ignores `afterAll` in one.
 */
export function whenAllAreOver(): NonNullable<ProgramOptions['whenOver']> {
  const actions: (() => Promise<void>)[] = [];
  afterAll(async () => {
    for (const action of actions.reverse()) await action();
  });
  return (action) => actions.push(action);
}
