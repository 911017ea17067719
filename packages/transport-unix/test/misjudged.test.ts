import { mkdir, readdir, rename, symlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import {
  exhaustDescriptors,
  freshDirectory,
  isRoot,
  onDiagnostic,
  pathOf,
  plainListener,
  recoverDescriptors,
  staleSocketAt,
  until,
} from '@rpcplugin/test-support';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { ownerState } from '../src/owner.js';
import { startConfined } from './confined.js';
import { nameOfGone, saysHello, stagingName, transport } from './support.js';

describe('a live sibling in the private directory keeps its socket', () => {
  let runtime: string;

  beforeEach(async () => {
    runtime = await freshDirectory();
    vi.stubEnv('XDG_RUNTIME_DIR', runtime);
    return () => vi.unstubAllEnvs();
  });

  it('when there is no descriptor left to look at its process with', async () => {
    const sibling = await startConfined([], { env: { XDG_RUNTIME_DIR: runtime } });
    const { endpoint = '' } = await sibling.ask({ do: 'listen' });
    const name = basename(pathOf(endpoint));
    expect(ownerState(name)).toBe('alive');
    onTestFinished(recoverDescriptors);
    exhaustDescriptors();
    expect(ownerState(name)).toBe('unknown');
  });

  it.runIf(isRoot).each([
    {
      where: 'in a PID namespace that has the /proc of another',
      wrapper: ['unshare', '--pid', '--fork', '--kill-child'],
    },
    {
      where: 'in another time namespace',
      wrapper: ['unshare', '--time', '--boottime', '5000', '--fork', '--kill-child'],
    },
  ])('when another listens $where', async ({ wrapper }) => {
    const env = { XDG_RUNTIME_DIR: runtime };
    const [first, second] = [await startConfined(wrapper, { env }), await startConfined(wrapper, { env })];
    const plain = await startConfined([], { env });
    const endpoints = [];
    for (const child of [plain, first, second]) endpoints.push((await child.ask({ do: 'listen' })).endpoint ?? '');
    // A leftover that the last sweep removes, so that it is known to be over.
    const left = join(dirname(pathOf(endpoints[0] ?? '')), nameOfGone('plugin'));
    await staleSocketAt(left);
    await transport().listen();
    await until(async () => !(await readdir(dirname(left))).includes(basename(left)));
    for (const endpoint of endpoints) await transport().connect(endpoint, { waitMs: 0 });
  });
});

it('a live socket that a killed process moved aside stays', async () => {
  const directory = await freshDirectory();
  const staging = join(directory, stagingName);
  await mkdir(staging, { mode: 0o700 });
  const [aside, stale] = [join(staging, nameOfGone('old')), join(staging, nameOfGone('old'))];
  await plainListener({ path: aside }, (socket) => socket.end('hello'));
  await staleSocketAt(stale);
  await transport({ path: join(directory, 'p.sock') }).listen();
  await until(async () => !(await readdir(staging)).includes(basename(stale)));
  expect(await saysHello(aside)).toBe(true);
});

it('a listener warns when a directory above its socket is replaced', async () => {
  const directory = await freshDirectory();
  const listener = transport({ path: join(directory, 'made/p.sock') });
  await listener.listen();
  const warnings: string[] = [];
  onDiagnostic('warning', listener, ({ what }) => warnings.push(what));
  await rename(join(directory, 'made'), join(directory, 'moved'));
  await mkdir(join(directory, 'made'));
  await until(() => warnings.includes('the socket file was removed'), { timeoutMs: 10_000 });
});

it('the endpoint of a private directory below a link leads to the directory itself', async () => {
  const [target, links] = [await freshDirectory(), await freshDirectory()];
  await symlink(target, join(links, 'link'));
  vi.stubEnv('XDG_RUNTIME_DIR', join(links, 'link'));
  const endpoint = await transport().listen();
  vi.unstubAllEnvs();
  expect(dirname(dirname(pathOf(endpoint)))).toBe(target);
});
