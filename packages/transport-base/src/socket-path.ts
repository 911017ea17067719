import { lstatSync, realpathSync } from 'node:fs';
import { dirname, isAbsolute, resolve } from 'node:path';
import { quote } from '@rpcplugin/printable';
import { TransportError } from '@rpcplugin/transport-core';

const limits: Partial<Record<NodeJS.Platform, number>> = { linux: 107, android: 107, win32: Infinity };

/**
 * How many bytes of UTF-8 the path of a socket file may have: `sun_path` less its final NUL, 107 on Linux (unix(7)),
 * 103 on macOS and the BSDs. `Infinity` on Windows, where Node takes a path for the name of a pipe.
 */
export const socketPathLimitBytes = limits[process.platform] ?? 103;

/**
 * Node 20 truncates a longer path without an error, so check each path before use. The names of Linux's abstract
 * sockets, which start with a NUL, have no file and are not checked.
 *
 * @throws TransportError `PATH_TOO_LONG`.
 */
export function assertSocketPathFits(path: string, endpoint?: string): void {
  const bytes = Buffer.byteLength(path);
  if (bytes <= socketPathLimitBytes || path.startsWith('\0')) return;
  throw new TransportError(
    'PATH_TOO_LONG',
    `a socket path has at most ${socketPathLimitBytes} bytes on this platform, and ${quote(path)} has ${bytes}`,
    { endpoint, hint: 'Use a shorter directory, such as one in /tmp or /run.' },
  );
}

/**
 * The absolute form of a path: without `.`, `..` and repeated slashes, but the same file for the kernel. `a/..` is the
 * parent of what `a` links to, if it is a symbolic link; `path.resolve` takes it for the directory that has the link.
 *
 * @throws TransportError `NOT_FOUND` for a relative path, if the working directory was removed.
 */
export function absoluteSocketPath(path: string): string {
  const full = isAbsolute(path) ? path : `${workingDirectory(path)}/${path}`;
  const [first = '', ...rest] = full.split(/\/+\.\.(?=\/|$)/);
  let absolute = resolve('/', first);
  for (const part of rest) absolute = resolve(dirname(followLink(absolute)), `.${part}`);
  return absolute;
}

function workingDirectory(path: string): string {
  try {
    return process.cwd();
  } catch (cause) {
    throw new TransportError('NOT_FOUND', `${quote(path)} is relative, and the working directory was removed`, {
      hint: 'Give an absolute path.',
      cause,
    });
  }
}

function followLink(path: string): string {
  try {
    return lstatSync(path).isSymbolicLink() ? realpathSync(path) : path;
  } catch {
    // It does not exist, so it is not a link.
    return path;
  }
}
