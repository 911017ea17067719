import { readdir } from 'node:fs/promises';
import { connect } from 'node:net';
import { basename, dirname, join } from 'node:path';
import { closed, freshDirectory, isRoot, pathOf, run, script, staleSocketAt, until } from '@rpcplugin/test-support';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { startRepeater, unshare } from './isolated.js';
import type { Namespaces, Repeater } from './isolated.js';
import { createSocketDirectory } from '../src/index.js';
import { nameOfUnknown, transport } from './support.js';

function startIn(namespaces: Namespaces): Promise<Repeater> {
  return startRepeater((command) => unshare(namespaces, command));
}

/** Starts a plugin, which is process 1 of a container. */
async function startPlugin(namespaces: Namespaces): Promise<{ plugin: Repeater; path: string }> {
  const plugin = await startIn(namespaces);
  return { plugin, path: pathOf((await plugin.ask({ do: 'listen', options: {} })).outcome) };
}

/** Kills a process, and waits until a socket of it is closed. */
async function kill(started: Repeater, socket: string): Promise<void> {
  await started.kill();
  const isRefused = (): Promise<boolean> =>
    transport()
      .connect(`unix:${socket}`, { waitMs: 0 })
      .then(
        () => false,
        () => true,
      );
  await until(isRefused);
}

/** The path of the beacon for the socket of a plugin or the directory of a host. */
function beaconFor(path: string): string {
  return join(dirname(path), basename(path).replace(/^[a-z]+/, 'beacon'));
}

/** The name of a plugin's socket, and that of its beacon. */
function socketsOf({ path }: { path: string }): string[] {
  return [basename(beaconFor(path)), basename(path)];
}

/** That of this user, which the containers of a test share. */
let privateDirectory: string;

beforeEach(async () => {
  const directory = await freshDirectory();
  vi.stubEnv('XDG_RUNTIME_DIR', directory);
  privateDirectory = join(directory, `rpcplugin-${process.getuid?.()}`);
  return () => vi.unstubAllEnvs();
});

describe.runIf(isRoot)('an automatic listen in a directory that containers share', () => {
  it.each<{ where: string; of: Namespaces; by: Namespaces }>([
    { where: 'outside', of: ['--pid'], by: [] },
    { where: 'outside, in another network namespace', of: ['--net', '--pid'], by: [] },
    { where: 'in another container', of: ['--net', '--pid'], by: ['--net', '--pid'] },
  ])('$where, removes what killed plugins left, and does not connect to a live one', async ({ of, by }) => {
    const [first, second, live] = await Promise.all([startPlugin(of), startPlugin(of), startPlugin(of)]);
    const left = [first, second].flatMap(socketsOf);
    await Promise.all([first, second].map(({ plugin, path }) => kill(plugin, path)));
    const next = await startIn(by);
    await next.ask({ do: 'listen', options: {} });
    await until(async () => (await readdir(privateDirectory)).every((name) => !left.includes(name)));
    await next.ask({ do: 'close' });
    expect((await readdir(privateDirectory)).sort()).toEqual(socketsOf(live));

    // It only tells that the plugin runs.
    await closed(connect(beaconFor(live.path)));
    await transport().connect(`unix:${live.path}`, { waitMs: 0 });
    expect(await live.plugin.ask({ do: 'close' })).toMatchObject({ outcome: 'closed', connections: 1 });
    expect(await readdir(join(privateDirectory, '..'))).toEqual([]);
  });

  it('works in a worker of node:cluster, which listens itself', async () => {
    const code = `
      import cluster from 'node:cluster';
      import { UnixSocketTransport } from '../src/index.js';
      if (cluster.isPrimary) cluster.fork().on('message', (message) => console.log(message));
      else {
        const transport = new UnixSocketTransport();
        await transport.connect(await transport.listen());
        await transport.close();
        process.send('closed', () => process.disconnect());
      }
    `;
    const ended = await run(unshare(['--pid'], script(import.meta.url, code)));
    expect(ended).toMatchObject({ status: 0, stdout: 'closed\n' });
    expect(await readdir(dirname(privateDirectory))).toEqual([]);
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

describe.runIf(isRoot)('the directory of a host in a container', () => {
  /** Starts a host, and its plugin in another container. */
  async function startPair(): Promise<{ host: Repeater; directory: string; plugin: Repeater; path: string }> {
    const [host, plugin] = await Promise.all([startIn(['--net', '--pid']), startIn(['--net', '--pid'])]);
    const directory = (await host.ask({ do: 'create directory' })).outcome;
    const { outcome } = await plugin.ask({ do: 'listen', options: { directory } });
    return { host, directory, plugin, path: pathOf(outcome) };
  }

  it('is removed by processes elsewhere once the host and its plugin have ended, and not before', async () => {
    const [gone, orphaned, live] = await Promise.all([startPair(), startPair(), startPair()]);
    await Promise.all([kill(gone.host, beaconFor(gone.directory)), kill(gone.plugin, gone.path)]);
    await kill(orphaned.host, beaconFor(orphaned.directory));
    await kill(live.plugin, live.path);
    await expectAfterSweep([orphaned, live].flatMap(({ directory }) => [beaconFor(directory), directory]));
    expect(await readdir(live.directory)).toEqual([basename(live.path)]);
    await transport().connect(`unix:${orphaned.path}`, { waitMs: 0 });

    await kill(orphaned.plugin, orphaned.path);
    await expectAfterSweep([beaconFor(live.directory), live.directory]);
  });

  it('does not keep the host running, and is removed at its end', async () => {
    const code = `
      import { createSocketDirectory } from '../src/index.js';
      import { readdirSync } from 'node:fs';
      import { dirname } from 'node:path';
      console.log(readdirSync(dirname((await createSocketDirectory()).path)).length);
    `;
    const ended = await run(unshare(['--pid'], script(import.meta.url, code)));
    expect(ended).toMatchObject({ status: 0, stdout: '2\n' });
    expect(await readdir(dirname(privateDirectory))).toEqual([]);
  });

  /** Runs a sweep, and checks which files it leaves. */
  async function expectAfterSweep(left: string[]): Promise<void> {
    const next = await createSocketDirectory();
    const expected = [next.path, ...left].map((path) => basename(path)).sort();
    await until(async () => String((await readdir(privateDirectory)).sort()) === String(expected));
    await next.close();
  }
});

it.runIf(isRoot)(
  'the name of a socket in a chosen directory is short, as the host may have a longer path of it',
  async () => {
    const directory = await freshDirectory();
    const plugin = await startIn(['--pid']);
    const { outcome } = await plugin.ask({ do: 'listen', options: { directory } });
    expect(basename(pathOf(outcome))).toMatch(/^plugin-[\w-]{12}$/);
    await plugin.kill();
  },
);
