import { readdirSync } from 'node:fs';
import { chmod, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { freshDirectory, rejectionOf, run, script, turns, until } from '@rpcplugin/test-support';
import { describe, expect, it, vi } from 'vitest';
import { held, plainServer, startOther, transport, packageDirectory } from './support.js';
import type { OtherProcess } from './support.js';

/** Both kinds of places that have something to tidy up: made parents of a path, and the private directory. */
async function listeningChild(): Promise<{ child: OtherProcess; directories: string[] }> {
  const directories = [await freshDirectory(), await freshDirectory()];
  const [withPath = '', runtime = ''] = directories;
  const child = await startOther({ env: { XDG_RUNTIME_DIR: runtime } });
  await child.ask({ do: 'listen' });
  await child.ask({ do: 'listen', options: { path: join(withPath, 'a/b/p.sock') } });
  for (const directory of directories) expect(await readdir(directory)).toHaveLength(1);
  return { child, directories };
}

describe('a process that ends while it listens leaves no file and no directory', () => {
  it('by process.exit', async () => {
    const { child, directories } = await listeningChild();
    expect(await child.end({ do: 'exit', code: 3 })).toMatchObject({ status: 3 });
    for (const directory of directories) expect(await readdir(directory)).toEqual([]);
  });

  it('by an uncaught exception', async () => {
    const { child, directories } = await listeningChild();
    expect(await child.end({ do: 'throw', message: 'uncaught' })).toMatchObject({ status: 1 });
    for (const directory of directories) expect(await readdir(directory)).toEqual([]);
  });
});

// Exits as soon as anything shows in the directory. Each turn of the event loop is held up for a moment, so that what a
// listen has asked for is there before the listen hears of it.
const exitEarly = (options: string): string => `
  import { readdirSync } from 'node:fs';
  import { UnixSocketTransport } from './src/index.ts';
  const [directory] = process.argv.slice(1);
  void new UnixSocketTransport(${options}).listen();
  (function look() {
    for (const until = performance.now() + 50; performance.now() < until;) {
      if (readdirSync(directory).length > 0) process.exit();
    }
    setImmediate(look);
  })();
`;

describe('a process that exits in the middle of a listen leaves nothing', () => {
  it('in its private directory', async () => {
    const directory = await freshDirectory();
    vi.stubEnv('TMPDIR', directory);
    vi.stubEnv('XDG_RUNTIME_DIR', directory);
    vi.stubEnv('TSX_DISABLE_CACHE', '1');
    await expectNothingAfter(exitEarly('{}'), directory);
  });

  it('of the parents of its path', async () => {
    const directory = await freshDirectory();
    await expectNothingAfter(exitEarly('{ path: `${directory}/made/p.sock` }'), directory);
  });

  it('of its staging directory', async () => {
    const directory = await freshDirectory();
    await expectNothingAfter(exitEarly('{ directory }'), directory);
  });

  async function expectNothingAfter(code: string, directory: string): Promise<void> {
    try {
      const ending = await run(script(code, directory), { cwd: packageDirectory });
      expect(ending).toMatchObject({ status: 0 });
    } finally {
      vi.unstubAllEnvs();
    }
    expect(readdirSync(directory)).toEqual([]);
  }
});

describe('the exit hook', () => {
  it('is there only while something is bound, and once', async () => {
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

  it('is gone after a listen that failed, for whatever reason', async () => {
    const directory = await freshDirectory();
    const path = join(directory, 'p.sock');
    const before = process.listenerCount('exit');
    await plainServer(path);
    await rejectionOf(transport({ path }).listen());
    await rejectionOf(transport({ path: join(directory, 'a/b/p.sock'), group: 'no-such-group' }).listen());
    await rejectionOf(transport({ path: join(path, 'p.sock') }).listen());
    const givenUp = transport({ path: join(directory, 'a/b/p.sock') });
    const listening = rejectionOf(givenUp.listen());
    await givenUp.close();
    await listening;
    expect(process.listenerCount('exit')).toBe(before);
    expect(await readdir(directory)).toEqual(['p.sock']);
  });
});

describe('a listen that is given up', () => {
  it('leaves nothing, whenever that is', async () => {
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

  it('by close rejects with CLOSED, whenever that is', async () => {
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

  it('by its signal rejects with ABORTED and the reason as its cause, whenever that is', async () => {
    const directory = await freshDirectory();
    for (let count = 0; count < 6; count++) {
      const listener = transport({ directory });
      const aborter = new AbortController();
      const listening = listener.listen({ signal: aborter.signal }).catch((error: unknown) => error);
      await turns(count);
      const reason = new Error('enough');
      aborter.abort(reason);
      const outcome = await listening;
      await listener.close();
      if (typeof outcome !== 'string') expect(outcome).toMatchObject({ code: 'ABORTED', cause: reason });
    }
  });
});

it('no staging directory stays beside the socket, after success or failure', async () => {
  const directory = await freshDirectory();
  await chmod(directory, 0o755);
  const path = join(directory, 'p.sock');
  await transport({ path }).listen();
  expect(await readdir(directory)).toEqual(['p.sock']);
  await rejectionOf(transport({ path }).listen());
  expect(await readdir(directory)).toEqual(['p.sock']);
});

it.runIf(process.platform === 'linux')('no descriptor and no timer stays, after success or failure', async () => {
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
  const before = held();
  await listenAndClose();
  await until(() => held() <= before, { timeoutMs: 500 });
});
