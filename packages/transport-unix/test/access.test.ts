import { chmod, lstat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freshDirectory } from '@rpcplugin/test-support';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { setSocketAccess } from '../src/access.js';
import { Directory } from '../src/directory.js';
import { modeOf, plainServer } from './support.js';

let path: string;
let parent: Directory;

beforeEach(async () => {
  path = await freshDirectory();
  parent = Directory.open(path);
  onTestFinished(() => {
    parent.close();
  });
});

describe('setSocketAccess', () => {
  it('sets the mode of a socket', async () => {
    await plainServer(join(path, 's'));
    setSocketAccess(parent, 's', { mode: 0o604 }, await lstat(join(path, 's'), { bigint: true }));
    expect(await modeOf(join(path, 's'))).toBe(0o604);
  });

  it('changes no file that replaced the socket', async () => {
    await writeFile(join(path, 'file'), '');
    await chmod(join(path, 'file'), 0o600);
    await symlink('file', join(path, 'link'));
    await plainServer(join(path, 'other'));
    await plainServer(join(path, 's'));
    const socket = await lstat(join(path, 's'), { bigint: true });
    for (const name of ['file', 'link', 'other']) {
      expect(() => {
        setSocketAccess(parent, name, { mode: 0o666 }, socket);
      }).toThrow('replaced');
    }
    expect(await modeOf(join(path, 'file'))).toBe(0o600);
  });
});
