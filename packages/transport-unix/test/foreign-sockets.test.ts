import { lstatSync, readdirSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  freshDirectory,
  isRoot,
  onDiagnostic,
  otherUser,
  plainListener,
  roundsOr,
  staleSocketAt,
  startControlled,
  startProgram,
  until,
} from '@rpcplugin/test-support';
import type { CommandLine, Inquiry } from '@rpcplugin/test-support';
import { describe, expect, it } from 'vitest';
import { roundsBeside } from './beside.js';
import { bundleChild } from './bundle.js';
import type { Intrusions } from './children/intruder.js';
import { startRepeater } from './isolated.js';
import { transport } from './support.js';

/** A program of another user that puts its live socket at a path and reports how often that was removed. */
const intruder = bundleChild('intruder');

/** Starts a program under strace(1), which injects something into each of the system calls. */
function inject(what: string, calls: string): (command: CommandLine) => CommandLine {
  return (command) => [
    ...(['strace', '-f', '-qq', '-o', '/dev/null'] as const),
    ...['-e', `trace=${calls}`, '-e', `inject=${calls}:${what}`],
    ...command,
  ];
}

describe.runIf(isRoot)('the live socket of another user that appears at the path', () => {
  it.each<{ when: string; wrap?: (command: CommandLine) => CommandLine }>([
    { when: 'at any time' },
    { when: 'just before unlink(2)', wrap: inject('delay_enter=3000', '?unlink,unlinkat') },
    { when: 'just before rename(2)', wrap: inject('delay_enter=3000', '?rename,renameat,renameat2') },
    { when: 'just before link(2)', wrap: inject('delay_enter=3000', '?link,linkat') },
  ])('stays if it appears $when', { timeout: 60_000 + roundsOr(0) * 200 }, async ({ wrap }) => {
    const shared = await freshDirectory(0o777);
    const intruding = await startControlled<Inquiry, Intrusions>([process.execPath, intruder, shared], otherUser);
    const victim = await startRepeater(wrap);
    const options = { path: join(shared, 'p.sock') };
    const hasIntruded = ({ intrusions }: Intrusions): boolean => intrusions > 10;
    const times = 10;
    const rounds = roundsOr(wrap === undefined ? 120 : 40) / times;
    const { lost } = await roundsBeside(intruding, hasIntruded, rounds, async () => {
      await victim.ask({ do: 'repeat', times, turns: 0, options });
    });
    expect(lost).toBe(0);
  });
});

describe('a socket that is bound and does not listen yet', () => {
  it.each([
    { as: 'an absolute path', toName: (path: string) => path },
    { as: 'a relative path', toName: () => 'p.sock' },
  ])('is not replaced, if it was bound to $as', async ({ toName }) => {
    const directory = await freshDirectory();
    const path = join(directory, 'p.sock');
    const code = `use Socket; $| = 1; socket(S, PF_UNIX, SOCK_STREAM, 0);
      bind(S, pack_sockaddr_un($ARGV[0])) or die $!;
      print "bound\\n"; <STDIN>; listen(S, 1); print "listening\\n"; <STDIN>`;
    const binding = startProgram(['perl', '-e', code, toName(path)], { cwd: directory });
    await binding.printed(/bound/);
    const before = lstatSync(path);
    await expect(transport({ path }).listen()).rejects.toMatchObject({ code: 'ADDRESS_IN_USE' });
    expect(lstatSync(path).ino).toBe(before.ino);
    binding.process.stdin.write('\n');
    await binding.printed(/listening/);
    await transport().connect(`unix:${path}`, { waitMs: 0 });
    await binding.kill();
    await transport({ path }).listen();
  });
});

it('close resolves when the file disappears just before it is removed', async () => {
  const path = join(await freshDirectory(), 'p.sock');
  const child = await startRepeater(inject('error=ENOENT', '?unlink,unlinkat'));
  await child.ask({ do: 'listen', options: { path } });
  expect((await child.ask({ do: 'close' })).outcome).toBe('closed');
});

it('close removes its file when another process removes the empty staging directory in between', async () => {
  const directory = await freshDirectory();
  const child = await startRepeater(inject('error=ENOENT:when=1', '?rename,renameat,renameat2'));
  await child.ask({ do: 'listen', options: { path: join(directory, 'p.sock') } });
  expect((await child.ask({ do: 'close' })).outcome).toBe('closed');
  expect(readdirSync(directory)).toEqual([]);
});

describe("a listener's socket file", () => {
  it.each<{ what: string; change: (path: string) => Promise<unknown>; warning: string }>([
    { what: 'is removed', change: (path) => rm(path), warning: 'the socket file was removed' },
    {
      what: 'is replaced',
      change: async (path) => {
        await plainListener({ path: `${path}.new` });
        await rename(`${path}.new`, path);
      },
      warning: 'the socket file was replaced',
    },
  ])('publishes one warning within seconds when it $what', async ({ change, warning }) => {
    const path = join(await freshDirectory(), 'p.sock');
    const listener = transport({ path });
    const warnings: unknown[] = [];
    onDiagnostic('warning', listener, ({ endpoint, what }) => warnings.push({ endpoint, what }));
    await listener.listen();
    await change(path);
    await until(() => warnings.length > 0, { timeoutMs: 10_000 });
    await listener.close();
    expect(warnings).toEqual([{ endpoint: `unix:${path}`, what: warning }]);
  });
});

it('a process on Bun does not replace a stale socket, which may be live with a full backlog', async () => {
  const path = join(await freshDirectory(), 'p.sock');
  await staleSocketAt(path);
  const { ino } = lstatSync(path);
  const child = await startRepeater();
  await child.ask({ do: 'pretend Bun' });
  expect((await child.ask({ do: 'listen', options: { path } })).outcome).toBe('ADDRESS_IN_USE');
  expect(lstatSync(path).ino).toBe(ino);
});
