import { copyFile, mkdir, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { freshDirectory, pathOf, staleSocketAt } from '@rpcplugin/test-support';
import { describe, expect, it } from 'vitest';
import { program, startConfined } from './confined.js';
import { modeOf } from './support.js';
import type { TransportChild } from './support.js';

const flag = process.allowedNodeEnvironmentFlags.has('--permission') ? '--permission' : '--experimental-permission';

interface Allowed {
  readonly child: TransportChild;
  /** An empty directory, the only one that the child may use besides that of its program. */
  readonly directory: string;
}

/**
 * Starts a child under Node's permission model.
 *
 * @param readable - What it may read. Default: only what it needs.
 */
async function startAllowed(readable?: readonly string[]): Promise<Allowed> {
  const directory = await freshDirectory();
  const copy = join(await freshDirectory(), 'program.mjs');
  await copyFile(program, copy);
  const reads = (readable ?? [`${dirname(copy)}/`, `${directory}/`]).map((path) => `--allow-fs-read=${path}`);
  const nodeOptions = [flag, ...reads, `--allow-fs-write=${directory}/`];
  // Since Node 25, the network has a permission of its own.
  if (process.allowedNodeEnvironmentFlags.has('--allow-net')) nodeOptions.push('--allow-net');
  const env = { XDG_RUNTIME_DIR: '', TMPDIR: directory };
  return { directory, child: await startConfined([], { nodeOptions, program: copy, env }) };
}

describe("under Node's permission model with only the directory of the socket allowed", () => {
  it('listen at a path works with the right mode, and close leaves nothing behind', async () => {
    const { child, directory } = await startAllowed();
    const path = join(directory, 'p.sock');
    const { endpoint = '', warnings } = await child.ask({ do: 'listen', options: { path, mode: 0o622 } });
    expect(endpoint).toBe(`unix:${path}`);
    expect(warnings).toEqual([
      expect.stringContaining('not through /proc'),
      expect.stringMatching(/^the socket was visible before it had its mode/),
    ]);
    expect(await modeOf(path)).toBe(0o622);
    expect(await child.ask({ do: 'connect', endpoint })).toEqual({ endpoint });
    expect(await child.ask({ do: 'close' })).toEqual({});
    expect(await readdir(directory)).toEqual([]);
  });

  it('listen at a path works where all files can be read, but not written', async () => {
    const { child, directory } = await startAllowed(['*']);
    const path = join(directory, 'p.sock');
    const { endpoint = '', warnings } = await child.ask({ do: 'listen', options: { path, mode: 0o622 } });
    expect(warnings).toEqual([expect.stringContaining('not through /proc')]);
    expect(await modeOf(path)).toBe(0o622);
    expect(await child.ask({ do: 'connect', endpoint })).toEqual({ endpoint });
    expect(await child.ask({ do: 'close' })).toEqual({});
    expect(await readdir(directory)).toEqual([]);
  });

  it('listen in a directory works, and close leaves nothing behind', async () => {
    const { child, directory } = await startAllowed();
    const { endpoint = '' } = await child.ask({ do: 'listen', options: { directory } });
    expect(dirname(pathOf(endpoint))).toBe(directory);
    expect(await child.ask({ do: 'connect', endpoint })).toEqual({ endpoint });
    expect(await child.ask({ do: 'close' })).toEqual({});
    expect(await readdir(directory)).toEqual([]);
  });

  it('listen replaces a stale socket, but not a live one', async () => {
    const { child, directory } = await startAllowed();
    const path = join(directory, 'p.sock');
    await staleSocketAt(path);
    expect(await child.ask({ do: 'listen', options: { path } })).toMatchObject({ endpoint: `unix:${path}` });
    const { error } = await child.ask({ do: 'listen', options: { path } });
    expect(error).toMatchObject({ code: 'ADDRESS_IN_USE' });
    expect(await readdir(directory)).toEqual(['p.sock']);
    expect(await child.ask({ do: 'close' })).toEqual({});
    expect(await readdir(directory)).toEqual([]);
  });

  it('listen creates missing directories, which stay on close, as another user may redirect the path', async () => {
    const { child, directory } = await startAllowed();
    await mkdir(join(directory, 'a'));
    const path = join(directory, 'a/b/c/p.sock');
    expect(await child.ask({ do: 'listen', options: { path } })).toMatchObject({ endpoint: `unix:${path}` });
    expect(await modeOf(join(directory, 'a/b/c'))).toBe(0o700);
    expect(await child.ask({ do: 'close' })).toEqual({});
    expect((await readdir(directory, { recursive: true })).sort()).toEqual(['a', 'a/b', 'a/b/c']);
  });

  it('an automatic listen works in the temp directory, and warns of the hidden directories above', async () => {
    const { child, directory } = await startAllowed();
    const { endpoint = '', warnings } = await child.ask({ do: 'listen' });
    expect(dirname(dirname(pathOf(endpoint)))).toBe(directory);
    expect(warnings).toEqual([
      expect.stringContaining(`the permission model hides ${dirname(directory)}`),
      expect.stringContaining('not through /proc'),
    ]);
    expect(await child.ask({ do: 'connect', endpoint })).toEqual({ endpoint });
    expect(await child.ask({ do: 'close' })).toEqual({});
    expect(await readdir(join(directory, `rpcplugin-${process.geteuid?.()}`))).toEqual([]);
  });

  it('listen elsewhere rejects with PERMISSION_DENIED', async () => {
    const { child } = await startAllowed();
    const elsewhere = await freshDirectory();
    const { error } = await child.ask({ do: 'listen', options: { path: join(elsewhere, 'p.sock') } });
    expect(error).toMatchObject({
      code: 'PERMISSION_DENIED',
      hint: expect.stringContaining("Node's permission model") as string,
    });
    expect(await readdir(elsewhere)).toEqual([]);
  });
});
