// Runs as another user with write access to a directory. Puts a live socket of its own at the path of the victim, in
// place of a stale socket or the victim's, and counts how often it is gone afterwards.
import { linkSync, lstatSync, renameSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { listening, repeatUntilStopped, staleSocketAt, turns } from '@rpcplugin/test-support/process';

/** How long a victim may hold a socket that it has moved aside, in milliseconds. */
const GRACE_MS = 1000;

const [directory = ''] = process.argv.slice(2);
const path = join(directory, 'p.sock');
const live = join(directory, 'live');
const stale = join(directory, 'stale');
const next = join(directory, 'next');

export interface Intrusions {
  intrusions: number;
  lost: number;
}

/** From microseconds to milliseconds. */
async function aMoment(): Promise<void> {
  await turns(2 ** (Math.random() * 11));
}

const outcome: Intrusions = { intrusions: 0, lost: 0 };
await listening(createServer(), { path: live });
await staleSocketAt(stale);
const { ino } = lstatSync(live);

async function isStillThere(): Promise<boolean> {
  const start = performance.now();
  while (lstatSync(path, { throwIfNoEntry: false })?.ino !== ino) {
    if (performance.now() - start > GRACE_MS) return false;
    await turns(1);
  }
  return true;
}

function put(file: string): void {
  rmSync(next, { force: true });
  linkSync(file, next);
  renameSync(next, path);
}

repeatUntilStopped(
  async () => {
    // Every other time, it lets the victim listen.
    if (outcome.intrusions % 2 === 0) put(stale);
    else rmSync(path, { force: true });
    await aMoment();
    put(live);
    outcome.intrusions++;
    await aMoment();
    if (!(await isStillThere())) outcome.lost++;
  },
  () => outcome,
);
