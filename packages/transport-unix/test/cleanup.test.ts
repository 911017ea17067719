import { readdirSync } from 'node:fs';
import { chmod, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { freshDirectory, rejectionOf, run, script, turns, until } from '@rpcplugin/test-support';
import { describe, expect, it, vi } from 'vitest';
import { openResources, plainServer, startChild, transport } from './support.js';
import type { TransportChild } from './support.js';

/** A child that listens where directories need cleanup: in its private one, and at a path with new parents. */
async function listeningChild(): Promise<{ child: TransportChild; directories: string[] }> {
  const directories = [await freshDirectory(), await freshDirectory()];
  const [withPath = '', runtime = ''] = directories;
  const child = await startChild({ env: { XDG_RUNTIME_DIR: runtime } });
  await child.ask({ do: 'listen' });
  await child.ask({ do: 'listen', options: { path: join(withPath, 'a/b/p.sock') } });
  for (const directory of directories) expect(await readdir(directory)).toHaveLength(1);
  return { child, directories };
}

describe('process exit while listening', () => {
  it('leaves no files or directories after process.exit', async () => {
    const { child, directories } = await listeningChild();
    expect(await child.end({ do: 'exit', code: 3 })).toMatchObject({ status: 3 });
    for (const directory of directories) expect(await readdir(directory)).toEqual([]);
  });

  it('leaves no files or directories after an uncaught exception', async () => {
    const { child, directories } = await listeningChild();
    expect(await child.end({ do: 'throw', message: 'uncaught' })).toMatchObject({ status: 1 });
    for (const directory of directories) expect(await readdir(directory)).toEqual([]);
  });
});

// Exits as soon as the directory has an entry. Blocks each turn of the event loop for a moment, so that it sees what
// listen creates before listen does.
const exitEarly = (options: string): string => `
  import { readdirSync } from 'node:fs';
  import { UnixSocketTransport } from '../src/index.js';
  const [directory] = process.argv.slice(2);
  void new UnixSocketTransport(${options}).listen();
  (function look() {
    for (const until = performance.now() + 50; performance.now() < until;) {
      if (readdirSync(directory).length > 0) process.exit();
    }
    setImmediate(look);
  })();
`;

describe('process exit during listen', () => {
  it('leaves no private directory', async () => {
    const directory = await freshDirectory();
    vi.stubEnv('TMPDIR', directory);
    vi.stubEnv('XDG_RUNTIME_DIR', directory);
    await expectNothingAfter(exitEarly('{}'), directory);
  });

  it('leaves no parent directories', async () => {
    const directory = await freshDirectory();
    await expectNothingAfter(exitEarly('{ path: `${directory}/made/p.sock` }'), directory);
  });

  it('leaves no staging directory', async () => {
    const directory = await freshDirectory();
    await expectNothingAfter(exitEarly('{ directory }'), directory);
  });

  async function expectNothingAfter(code: string, directory: string): Promise<void> {
    try {
      const ending = await run(script(import.meta.url, code, directory));
      expect(ending).toMatchObject({ status: 0 });
    } finally {
      vi.unstubAllEnvs();
    }
    expect(readdirSync(directory)).toEqual([]);
  }
});

describe('exit hook', () => {
  it('is installed once, and only while a transport listens', async () => {
    const directory = await freshDirectory();
    const before = process.listenerCount('exit');
    const [first, second] = [transport({ directory }), transport({ directory })];
    expect(process.listenerCount('exit')).toBe(before);
    await first.listen();
    expect(process.listenerCount('exit')).toBe(before + 1);
    await second.listen();
    expect(process.listenerCount('exit')).toBe(before + 1);
    await first.close();
    expect(process.listenerCount('exit')).toBe(before + 1);
    await second.stopListening();
    expect(process.listenerCount('exit')).toBe(before);
    await second.listen();
    expect(process.listenerCount('exit')).toBe(before + 1);
    await second.close();
    expect(process.listenerCount('exit')).toBe(before);
  });

  it('is removed after any failed listen', async () => {
    const directory = await freshDirectory();
    const path = join(directory, 'p.sock');
    const before = process.listenerCount('exit');
    await plainServer(path);
    await rejectionOf(transport({ path }).listen());
    await rejectionOf(transport({ path: join(directory, 'a/b/p.sock'), group: 'no-such-group' }).listen());
    await rejectionOf(transport({ path: join(path, 'p.sock') }).listen());
    const cancelled = transport({ path: join(directory, 'a/b/p.sock') });
    const listening = rejectionOf(cancelled.listen());
    await cancelled.close();
    await listening;
    expect(process.listenerCount('exit')).toBe(before);
    expect(await readdir(directory)).toEqual(['p.sock']);
  });
});

describe('cancelled listen', () => {
  it('leaves nothing behind, at whatever stage close is called', async () => {
    const directory = await freshDirectory();
    for (let count = 0; count < 12; count++) {
      const listener = transport({ path: join(directory, 'a/p.sock') });
      const listening = listener.listen().catch(() => undefined);
      await turns(count);
      await listener.close();
      await listening;
      expect(await readdir(directory)).toEqual([]);
    }
  });

  it('rejects with CLOSED, at whatever stage close is called', async () => {
    const directory = await freshDirectory();
    for (let count = 0; count < 6; count++) {
      const listener = transport({ directory });
      const listening = listener.listen().catch((error: unknown) => error);
      await turns(count);
      await listener.close();
      const outcome = await listening;
      if (typeof outcome !== 'string') expect(outcome).toMatchObject({ code: 'CLOSED' });
    }
  });

  it('rejects with ABORTED and the reason as its cause, at whatever stage the signal aborts', async () => {
    const directory = await freshDirectory();
    for (let count = 0; count < 6; count++) {
      const listener = transport({ directory });
      const aborter = new AbortController();
      const listening = listener.listen({ signal: aborter.signal }).catch((error: unknown) => error);
      await turns(count);
      const reason = new Error('aborted by the test');
      aborter.abort(reason);
      const outcome = await listening;
      await listener.close();
      if (typeof outcome !== 'string') expect(outcome).toMatchObject({ code: 'ABORTED', cause: reason });
    }
  });
});

it('leaves no staging directory next to the socket, after success or failure', async () => {
  const directory = await freshDirectory();
  await chmod(directory, 0o755);
  const path = join(directory, 'p.sock');
  await transport({ path }).listen();
  expect(await readdir(directory)).toEqual(['p.sock']);
  await rejectionOf(transport({ path }).listen());
  expect(await readdir(directory)).toEqual(['p.sock']);
});

it.runIf(process.platform === 'linux')('leaks no file descriptor or timer, after success or failure', async () => {
  const directory = await freshDirectory();
  const path = join(directory, 'p.sock');
  await plainServer(join(directory, 'other.sock'));
  const listenAndClose = async (): Promise<void> => {
    const listener = transport({ path });
    await listener.listen();
    await rejectionOf(transport({ path }).listen());
    await rejectionOf(transport({ path: join(directory, 'other.sock') }).listen());
    await listener.close();
  };
  const before = openResources();
  await listenAndClose();
  await until(() => openResources() <= before, { timeoutMs: 2000 });
});
