import { readFileSync } from 'node:fs';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { isRoot, otherUser, run, script, startProgram, until } from '@rpcplugin/test-support';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ownedName, ownerState } from '../src/owner.js';
import { bundleChild } from './bundle.js';
import { nameOfGone, nameOfUnknown } from './support.js';

/** Prints an owned name, or posts it from a worker thread, and stays. */
const owner = bundleChild('owner');

describe('ownedName', () => {
  it('never returns the same name twice', () => {
    const names = Array.from({ length: 100 }, () => ownedName('new'));
    expect(new Set(names).size).toBe(100);
    for (const name of names) expect(name).toMatch(/^new-[\w-]{12,}$/);
  });

  it('names the thread and when it started', () => {
    const [, , pid, tid, start] = ownedName('new').split('-');
    expect(Number(pid)).toBe(process.pid);
    const stat = readFileSync(`/proc/self/task/${tid}/stat`, 'latin1');
    // Field 22 of proc(5). The second field is in parentheses and may contain spaces.
    expect(start).toBe(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]);
  });
});

describe('ownerState', () => {
  it('is alive for this thread', () => {
    expect(ownerState(ownedName('new'))).toBe('alive');
  });

  it('is alive for a running process and gone after its end', async () => {
    const program = startProgram([process.execPath, owner]);
    const [name] = await program.printed(/^new-.*$/m);
    expect(ownerState(name)).toBe('alive');
    await program.kill();
    expect(ownerState(name)).toBe('gone');
  });

  it('is alive for a worker thread and gone after its end, although its process lives', async () => {
    const worker = new Worker(owner);
    onTestFinished(() => void worker.terminate());
    const [name] = (await once(worker, 'message')) as [string];
    expect(name.split('-').slice(0, 3)).toEqual(ownedName('new').split('-').slice(0, 3));
    expect(ownerState(name)).toBe('alive');
    await worker.terminate();
    await until(() => ownerState(name) === 'gone', { timeoutMs: 5000 });
  });

  it.runIf(isRoot)('is the same for a process of another user', async () => {
    const name = ownedName('new');
    const code = `import { ownerState } from '../src/owner.js'; console.log(process.argv.slice(2).map(ownerState));`;
    const { stdout } = await run(
      script(import.meta.url, code, name, nameOfGone('new'), nameOfUnknown('new')),
      otherUser,
    );
    expect(stdout).toContain("[ 'alive', 'gone', 'unknown' ]");
  });

  it.runIf(isRoot)('is unknown for a process that is hidden, as those of other users can be', async () => {
    const code = `import { ownerState } from '../src/owner.js'; console.log(process.argv.slice(2).map(ownerState));`;
    const program = script(import.meta.url, code, ownedName('new'), nameOfGone('new'));
    const user = ['setpriv', `--reuid=${otherUser.uid}`, `--regid=${otherUser.gid}`, '--clear-groups'];
    const hidden = ['sh', '-c', 'mount -t proc -o hidepid=2 proc /proc; exec "$@"', 'sh', ...user, ...program];
    const { stdout } = await run(['unshare', '-m', ...hidden]);
    expect(stdout).toContain("[ 'unknown', 'gone' ]");
  });

  it('is gone if another process or thread has its ID now', () => {
    const recycled = ownedName('new').replace(/-(\d+)-(?=[\w-]{12}$)/, (_, start) => `-${Number(start) - 1}-`);
    expect(ownerState(recycled)).toBe('gone');
    const otherThread = ownedName('new').replace(/-\d+-(?=\d+-[\w-]{12}$)/, '-4194305-');
    expect(ownerState(otherThread)).toBe('gone');
  });

  it('is gone for a process that ended but whose parent has not read its status', async () => {
    // The shell becomes a program that never waits for its child.
    const command = `"$0" "$1" & echo "pid $!"; exec sleep 1000`;
    const program = startProgram(['sh', '-c', command, process.execPath, owner]);
    const [, pid = ''] = await program.printed(/^pid (\d+)$/m);
    const [name] = await program.printed(/^new-.*$/m);
    expect(ownerState(name)).toBe('alive');
    process.kill(Number(pid), 'SIGKILL');
    await until(() => readFileSync(`/proc/${pid}/stat`, 'latin1').includes(' Z '));
    expect(ownerState(name)).toBe('gone');
  });

  it.runIf(isRoot)('is unknown for processes of another PID namespace, on both sides', async () => {
    const inside = startProgram(['unshare', '--pid', '--fork', '--mount-proc', process.execPath, owner]);
    const [name] = await inside.printed(/^new-.*$/m);
    expect(name).toMatch(/^new-[0-9a-f]{10}-1-1-/);
    expect(ownerState(name)).toBe('unknown');
    await inside.kill();
    expect(ownerState(name)).toBe('unknown');
    const code = `import { ownerState } from '../src/owner.js'; console.log(ownerState(process.argv[2]));`;
    const outside = [
      'unshare',
      '--pid',
      '--fork',
      '--mount-proc',
      ...script(import.meta.url, code, ownedName('new')),
    ] as const;
    expect((await run(outside)).stdout).toBe('unknown\n');
  });

  it.each([
    '',
    'p.sock',
    'new-abcdefghijkl',
    'new-0123456789-1-1-1-abcdefghijkl',
    `${ownedName('new')}x`,
    `.${ownedName('new')}`,
    ownedName('new').slice(4),
    ownedName('new').toUpperCase(),
    ownedName('new').replace('-', '/'),
  ])('is unknown for %j', (name) => {
    expect(ownerState(name)).toBe('unknown');
  });
});
