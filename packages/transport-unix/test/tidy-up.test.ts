import { expect, it } from 'vitest';
import { TidyUp } from '../src/tidy-up.js';

it('everything is undone, last first, though a step fails; then the first failure is thrown, and once', () => {
  const tidyUp = new TidyUp();
  const undone: string[] = [];
  const fail = (message: string): void => {
    undone.push(message);
    throw new Error(message);
  };
  tidyUp.defer(() => undone.push('first'));
  tidyUp.defer(() => {
    fail('second');
  });
  tidyUp.defer(() => {
    fail('third');
  });
  expect(() => {
    tidyUp.run();
  }).toThrow('third');
  expect(undone).toEqual(['third', 'second', 'first']);
  tidyUp.run();
  expect(undone).toHaveLength(3);
});
