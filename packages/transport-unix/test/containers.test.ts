import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { freshDirectory, isRoot, pathOf, staleSocketAt, until } from '@rpcplugin/test-support';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { startRepeater, unshare } from './isolated.js';
import type { Namespaces, Repeater } from './isolated.js';
import { nameOfUnknown, transport } from './support.js';

function startIn(namespaces: Namespaces): Promise<Repeater> {
  return startRepeater((command) => unshare(namespaces, command));
}

/** Starts a plugin, which is process 1 of a container. */
async function startPlugin(namespaces: Namespaces): Promise<{ plugin: Repeater; path: string }> {
  const plugin = await startIn(namespaces);
  return { plugin, path: pathOf((await plugin.ask({ do: 'listen', options: {} })).outcome) };
}

/** Kills a plugin, and waits until its sockets are closed. */
async function kill({ plugin, path }: { plugin: Repeater; path: string }): Promise<void> {
  await plugin.kill();
  const isRefused = (): Promise<boolean> =>
    transport()
      .connect(`unix:${path}`, { waitMs: 0 })
      .then(
        () => false,
        () => true,
      );
  await until(isRefused);
}

/** The name of a plugin's socket, and that of its beacon. */
function socketsOf({ path }: { path: string }): string[] {
  const name = basename(path);
  return [name.replace(/^plugin-/, 'beacon-'), name];
}

describe.runIf(isRoot)('an automatic listen in a directory that containers share', () => {
  let privateDirectory: string;

  beforeEach(async () => {
    const directory = await freshDirectory();
    vi.stubEnv('XDG_RUNTIME_DIR', directory);
    privateDirectory = join(directory, `rpcplugin-${process.getuid?.()}`);
    return () => vi.unstubAllEnvs();
  });

  it.each<{ where: string; of: Namespaces; by: Namespaces }>([
    { where: 'outside', of: ['--pid'], by: [] },
    { where: 'outside, in another network namespace', of: ['--net', '--pid'], by: [] },
    { where: 'in another container', of: ['--net', '--pid'], by: ['--net', '--pid'] },
  ])('$where, removes what killed plugins left, and does not connect to a live one', async ({ of, by }) => {
    const [first, second, live] = await Promise.all([startPlugin(of), startPlugin(of), startPlugin(of)]);
    const left = [first, second].flatMap(socketsOf);
    await Promise.all([kill(first), kill(second)]);
    const next = await startIn(by);
    await next.ask({ do: 'listen', options: {} });
    await until(async () => (await readdir(privateDirectory)).every((name) => !left.includes(name)));
    await next.ask({ do: 'close' });
    expect((await readdir(privateDirectory)).sort()).toEqual(socketsOf(live));

    await transport().connect(`unix:${live.path}`, { waitMs: 0 });
    expect(await live.plugin.ask({ do: 'close' })).toMatchObject({ outcome: 'closed', connections: 1 });
    expect(await readdir(join(privateDirectory, '..'))).toEqual([]);
  });

  it('leaves a plugin alone that is about to listen', async () => {
    // The first call is for the beacon.
    const slow = ['-etrace=listen', '-einject=listen:delay_enter=200000:when=1'] as const;
    const plugin = await startRepeater((command) => [
      'strace',
      '-fqqo/dev/null',
      ...slow,
      ...unshare(['--pid'], command),
    ]);
    const listening = plugin.ask({ do: 'listen', options: {} });
    await until(async () => (await readdir(privateDirectory).catch(() => [])).length > 0);
    // Between the refusal by a beacon and the removal of its plugin's socket.
    const slower = ['-P', '/proc/net/unix', '-etrace=openat', '-einject=openat:delay_enter=400000'] as const;
    const next = await startRepeater((command) => ['strace', '-fqqo/dev/null', ...slower, ...command]);
    await next.ask({ do: 'listen', options: {} });
    const { outcome } = await listening;
    const left = nameOfUnknown('beacon');
    await staleSocketAt(join(privateDirectory, left));
    // Its sweep, and another one.
    await startPlugin([]);
    await until(async () => !(await readdir(privateDirectory)).includes(left));
    await next.ask({ do: 'close' });
    await transport().connect(outcome, { waitMs: 0 });
    expect(await readdir(privateDirectory)).toEqual(expect.arrayContaining(socketsOf({ path: pathOf(outcome) })));
  });
});
