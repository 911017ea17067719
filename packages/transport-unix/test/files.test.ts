import { closeSync, openSync } from 'node:fs';
import { mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freshDirectory } from '@rpcplugin/test-support';
import { describe, expect, it, onTestFinished } from 'vitest';
import { unlinkIfThere, withPaths } from '../src/files.js';

describe('unlinkIfThere', () => {
  it('removes a file or a link, and does not mind if there is none', async () => {
    const directory = await freshDirectory();
    await writeFile(join(directory, 'file'), '');
    await symlink('nowhere', join(directory, 'link'));
    for (const name of ['file', 'link', 'missing']) unlinkIfThere(join(directory, name));
    expect(await readdir(directory)).toEqual([]);
  });

  it('throws if it cannot', async () => {
    const directory = await freshDirectory();
    await mkdir(join(directory, 'sub'));
    expect(() => {
      unlinkIfThere(join(directory, 'sub'));
    }).toThrow(/EISDIR|EPERM/);
  });
});

describe.runIf(process.platform === 'linux')('withPaths', () => {
  const systemError = (message: string): Error => Object.assign(new Error(message), { code: 'EACCES' });

  it('names the directories of descriptors, in every place, and keeps those that are closed', async () => {
    const directory = await freshDirectory();
    const descriptor = openSync(directory, 'r');
    onTestFinished(() => {
      closeSync(descriptor);
    });
    const at = `/proc/self/fd/${descriptor}`;
    const error = systemError(`${at}/a -> ${at}/b, /proc/self/fd/999999/c`);
    expect(withPaths(error)).toBe(error);
    expect(error.message).toBe(`${directory}/a -> ${directory}/b, /proc/self/fd/999999/c`);
  });

  it('changes only errors of the system', () => {
    const message = '/proc/self/fd/0';
    const own = new Error(message);
    expect([withPaths(own), own.message]).toEqual([own, message]);
    const object = { code: 'EACCES', message };
    expect([withPaths(object), object.message]).toEqual([object, message]);
    expect(withPaths(undefined)).toBeUndefined();
  });
});
