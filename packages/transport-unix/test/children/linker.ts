// Runs as another user with write access to a directory. As soon as a subdirectory with the given name appears,
// replaces it by a link to a directory of the victim for a moment.
import { lstatSync, renameSync, symlinkSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { repeatUntilStopped } from '@rpcplugin/test-support/process';

const [directory = '', name = '', target = ''] = process.argv.slice(2);
const path = join(directory, name);
let swaps = 0;

function swap(): void {
  try {
    renameSync(path, join(directory, `away-${swaps}`));
    symlinkSync(target, path);
    swaps++;
    for (let i = Math.random() * 100; i > 0; i--) lstatSync(path);
    unlinkSync(path);
  } catch {
    // It does not exist at this moment.
  }
}

repeatUntilStopped(
  () => {
    for (let i = 0; i < 200; i++) swap();
  },
  () => swaps,
);
