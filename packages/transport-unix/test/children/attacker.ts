// Another user who may write in a directory: gives the name of every entry with some prefix that appears there to something of the
// victim's, or of its own, as fast as it can.
import { mkdirSync, readdirSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { repeatUntilAsked } from '@rpcplugin/test-support/process';

const [directory = '', treasure = '', prefix = ''] = process.argv.slice(2);

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
        symlinkSync(treasure, path);
      },
      () => {
        renameSync(join(directory, 'private'), path);
      },
      () => {
        mkdirSync(path);
      },
      () => {
        symlinkSync(join(treasure, 'nothing'), path);
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

repeatUntilAsked(
  () => {
    for (let i = 0; i < 50; i++) for (const name of readdirSync(directory)) if (name.startsWith(prefix)) swap(name);
  },
  () => swaps,
);
