// Runs as another user with write access to a directory. Replaces every entry that has a prefix with a file of the
// victim or of its own, as fast as it can.
import { mkdirSync, readdirSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { repeatUntilStopped } from '@rpcplugin/test-support/process';

const [directory = '', target = '', prefix = ''] = process.argv.slice(2);

let swaps = 0;

function attempt(action: () => void): boolean {
  try {
    action();
    return true;
  } catch {
    return false;
  }
}

function swap(name: string): void {
  const path = join(directory, name);
  const away = join(directory, `away-${swaps}`);
  if (
    !attempt(() => {
      renameSync(path, away);
    })
  )
    return;
  swaps++;
  attempt(
    [
      () => {
        symlinkSync(target, path);
      },
      () => {
        renameSync(join(directory, 'private'), path);
      },
      () => {
        mkdirSync(path);
      },
      () => {
        symlinkSync(join(target, 'nothing'), path);
      },
    ][swaps % 4] as () => void,
  );
  attempt(() => {
    renameSync(path, join(directory, 'private'));
  });
  attempt(() => {
    rmSync(path, { recursive: true });
  });
}

repeatUntilStopped(
  () => {
    for (let i = 0; i < 50; i++) for (const name of readdirSync(directory)) if (name.startsWith(prefix)) swap(name);
  },
  () => swaps,
);
