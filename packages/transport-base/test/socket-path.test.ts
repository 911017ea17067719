import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, realpath, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join, relative } from 'node:path';
import { freshDirectory, pretendPlatform, rejectionOf, run, script, thrownBy } from '@rpcplugin/test-support';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  absoluteSocketPath,
  assertSocketPathFits,
  connectSocket,
  Operation,
  socketPathLimitBytes,
} from '../src/index.js';

const tooLong = `/${'x'.repeat(socketPathLimitBytes)}`;

describe('socketPathLimitBytes', () => {
  it.runIf(process.platform === 'linux')('is the size of sun_path less a NUL on Linux', () => {
    expect(socketPathLimitBytes).toBe(107);
  });

  it.runIf(process.platform === 'darwin')('is the size of sun_path less a NUL on macOS', () => {
    expect(socketPathLimitBytes).toBe(103);
  });

  it('does not limit the names of pipes on Windows', async () => {
    pretendPlatform('win32');
    vi.resetModules();
    const onWindows = await import('../src/socket-path.js');
    expect(onWindows.socketPathLimitBytes).toBe(Infinity);
    expect(() => {
      onWindows.assertSocketPathFits(`\\\\.\\pipe\\${'x'.repeat(200)}`);
    }).not.toThrow();
  });
});

describe('assertSocketPathFits', () => {
  it('accepts a path at the limit', () => {
    expect(() => {
      assertSocketPathFits('x'.repeat(socketPathLimitBytes));
    }).not.toThrow();
  });

  it('rejects a path one byte over the limit', () => {
    const error = thrownBy(() => {
      assertSocketPathFits(tooLong, `unix:${tooLong}`);
    });
    expect(error).toMatchObject({ code: 'PATH_TOO_LONG', endpoint: `unix:${tooLong}` });
  });

  it('counts bytes, not characters', () => {
    const error = thrownBy(() => {
      assertSocketPathFits('é'.repeat(Math.ceil((socketPathLimitBytes + 1) / 2)));
    });
    expect(error.code).toBe('PATH_TOO_LONG');
  });

  it('names the limit and the length of the path', () => {
    const error = thrownBy(() => {
      assertSocketPathFits(tooLong);
    });
    expect(error.message).toMatch(new RegExp(`${socketPathLimitBytes} bytes.*has ${socketPathLimitBytes + 1}$`));
  });

  it.runIf(process.platform === 'linux')('does not check abstract names, which may be one byte longer', async () => {
    // The name of an abstract socket starts with a NUL and does not end with one (unix(7)).
    const path = `\0${randomUUID()}`.padEnd(108, 'x');
    const server = createServer().listen(path);
    onTestFinished(() => void server.close());
    await once(server, 'listening');
    const socket = await connectSocket({ path }, { allowHalfOpen: false, operation: new Operation('test') });
    socket.destroy();
  });

  it('runs before connectSocket connects', async () => {
    const error = await rejectionOf(
      connectSocket({ path: tooLong }, { allowHalfOpen: false, operation: new Operation('test') }),
    );
    expect(error.code).toBe('PATH_TOO_LONG');
  });
});

describe('absoluteSocketPath', () => {
  it.each([
    ['/run/p.sock', '/run/p.sock'],
    ['//run///p.sock', '/run/p.sock'],
    ['/run/./p.sock', '/run/p.sock'],
    ['/no-such/../p.sock', '/p.sock'],
    ['/../../p.sock', '/p.sock'],
    ['p.sock', join(process.cwd(), 'p.sock')],
    ['./a//p.sock', join(process.cwd(), 'a/p.sock')],
    ['../p.sock', join(process.cwd(), '../p.sock')],
  ])('normalizes %s to %s', (path, absolute) => {
    expect(absoluteSocketPath(path)).toBe(absolute);
  });

  it('takes `..` after a symbolic link for the parent of its target, as the kernel does', async () => {
    const directory = await freshDirectory();
    await mkdir(join(directory, 'releases/1'), { recursive: true });
    await mkdir(join(directory, 'releases/run'));
    await writeFile(join(directory, 'releases/run/p.sock'), '');
    await symlink('releases/1', join(directory, 'current'));
    await symlink('current', join(directory, 'link'));
    for (const link of ['current', 'link']) {
      const path = `${directory}/${link}/../run/p.sock`;
      expect(absoluteSocketPath(path)).toBe(join(directory, 'releases/run/p.sock'));
      expect(absoluteSocketPath(relative(process.cwd(), directory) + path.slice(directory.length))).toBe(
        await realpath(path),
      );
    }
  });

  it('keeps the names of symbolic links that no `..` follows', async () => {
    const directory = await freshDirectory();
    await mkdir(join(directory, 'target'));
    await symlink('target', join(directory, 'link'));
    expect(absoluteSocketPath(`${directory}/link/p.sock`)).toBe(join(directory, 'link/p.sock'));
    expect(absoluteSocketPath(`${directory}/target/../link/p.sock`)).toBe(join(directory, 'link/p.sock'));
  });

  it('throws NOT_FOUND for a relative path if the working directory was removed', async () => {
    const code = `
      import { mkdtempSync, rmdirSync } from 'node:fs';
      import { absoluteSocketPath } from '../src/index.js';
      const directory = mkdtempSync(process.argv[2] + '/');
      process.chdir(directory);
      rmdirSync(directory);
      console.log(absoluteSocketPath('/run/../p.sock'));
      try {
        absoluteSocketPath('p.sock');
      } catch ({ name, code, hint, message }) {
        console.log(JSON.stringify({ name, code, hint, message }));
      }
    `;
    const { stdout, stderr } = await run(script(import.meta.url, code, await freshDirectory()));
    expect(stderr).toBe('');
    const [absolute, error = ''] = stdout.split('\n');
    expect(absolute).toBe('/p.sock');
    expect(JSON.parse(error)).toEqual({
      name: 'TransportError',
      code: 'NOT_FOUND',
      hint: 'Give an absolute path.',
      message: '"p.sock" is relative, and the working directory was removed',
    });
  });
});
