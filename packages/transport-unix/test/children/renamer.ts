// Runs as another user with write access to a directory. Gives a subdirectory of the victim one name after the other,
// as fast as it can.
import { lstatSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { repeatUntilStopped } from '@rpcplugin/test-support/process';

const [directory = '', own = '', ...names] = process.argv.slice(2);
let renames = 0;

function rename(from: string, to: string): boolean {
  try {
    renameSync(join(directory, from), join(directory, to));
    return true;
  } catch {
    // The victim uses the new name.
    return false;
  }
}

repeatUntilStopped(
  () => {
    for (const name of names) {
      if (!rename(own, name)) continue;
      renames++;
      for (let i = Math.random() * 500; i > 0; i--) lstatSync(directory);
      rename(name, own);
    }
  },
  () => renames,
);
