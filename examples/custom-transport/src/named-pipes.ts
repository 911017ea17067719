import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';

/** Makes named pipes, and removes their names after use. Both sides keep the ends they have opened. */
export async function withPipes<T>(pipes: string[], use: (pipes: string[]) => Promise<T>): Promise<T> {
  try {
    return await make(pipes).then(() => use(pipes));
  } finally {
    for (const pipe of pipes) rmSync(pipe, { force: true });
  }
}

const wanted: string[] = [];
let making: Promise<unknown> | undefined;

/** Node has no call for mkfifo(3). One process makes the pipes of all connects in a turn of the event loop. */
async function make(pipes: string[]): Promise<void> {
  wanted.push(...pipes);
  making ??= setImmediate().then(() => {
    making = undefined;
    return once(spawn('mkfifo', ['-m', '600', ...wanted.splice(0)], { stdio: 'ignore' }), 'close');
  });
  await making;
}
