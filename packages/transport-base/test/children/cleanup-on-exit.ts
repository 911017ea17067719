// Defers steps, then ends as its argument says. Each step prints its name when it runs.
import { writeSync } from 'node:fs';
import { Cleanup } from '../../src/index.js';

const print = (line: string): void => void writeSync(1, `${line}\n`);

const first = new Cleanup();
first.defer(() => {
  print('first');
});
first.defer(async () => {
  print('second, up to its await');
  await new Promise(setImmediate);
  print('never');
});
first.defer(() => {
  throw new Error('third');
});
const second = new Cleanup();
second.defer(() => {
  print('fourth');
});
const finished = new Cleanup();
finished.defer(() => {
  print('finished');
});
await finished.run();

const ends: Record<string, () => void> = {
  normally: () => undefined,
  'by process.exit': () => process.exit(3),
  'by an uncaught exception': () => {
    throw new RangeError('uncaught');
  },
};
ends[process.argv[2] ?? '']?.();
