// Runs as another user. Takes the names that the victim uses: in directories, and among the abstract socket names,
// where it looks for those that it can see.
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { Server } from 'node:net';
import { repeatUntilStopped } from '@rpcplugin/test-support/process';

const [kind = '', ...paths] = process.argv.slice(2);
const taken = new Map<string, Server>();
let takes = 0;

function take(path: string): void {
  try {
    if (kind === 'directory') mkdirSync(path, { mode: 0o777 });
    else if (kind === 'link') symlinkSync('/nonexistent', path);
    else writeFileSync(path, '', { flag: 'wx' });
    takes++;
  } catch {
    // It is taken.
  }
}

function takeAbstractNames(): void {
  // The table shows each NUL as `@`.
  for (const [, name = ''] of readFileSync('/proc/net/unix', 'utf8').matchAll(/ @(rpcplugin[^\s@]*)@*$/gm)) {
    if (taken.has(name)) continue;
    const server = createServer().listen(`\0${name}`);
    taken.set(name, server);
    server.on('error', () => taken.delete(name));
  }
}

repeatUntilStopped(
  () => {
    paths.forEach(take);
    takeAbstractNames();
  },
  () => takes,
);
