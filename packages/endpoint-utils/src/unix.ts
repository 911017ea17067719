import { assertString, invalidEndpoint } from './errors.js';
import type { Problem } from './errors.js';

/** Where a unix socket is. */
export interface UnixEndpoint {
  /** Tells it from other endpoints. */
  readonly network: 'unix';
  /** Absolute, or relative to the working directory. Its length is not checked, because the limit is the platform's. */
  readonly path: string;
}

export const UNIX_SCHEME = 'unix:';

/** For hints. */
export const UNIX_FORMS = 'A unix socket is written unix:path, /path, ./path or ../path.';

// Control characters and unpaired surrogates: a terminal or a handshake line cannot carry the former, and UTF-8 cannot
// encode the latter. \p{Cc} and \p{Cs} mean the same but add half a millisecond to the start of a program in V8.
export const UNWRITABLE = /[^ -~\xa0-\ud7ff\ue000-\u{10ffff}]/u;

// Paths whose last part is empty, `.` or `..`.
const DIRECTORY = /(?:^|\/)\.{0,2}$/;

/**
 * Parses a unix endpoint as `parseEndpoint` does, with a fifth of the code.
 *
 * @throws TransportError `INVALID_ENDPOINT` as `parseEndpoint` does, and for a TCP endpoint
 */
export function parseUnixEndpoint(text: string): UnixEndpoint {
  assertString(text);
  const pathStart = unixPathStart(text);
  if (pathStart >= 0) return toUnixEndpoint(text, pathStart);
  throw invalidEndpoint(
    text,
    ...(abstractSocketProblem(text) ?? [
      text === '' ? 'the endpoint is empty' : 'it is not a unix endpoint',
      `${UNIX_FORMS} TCPSocketTransport from @rpcplugin/transport-tcp connects to host:port.`,
    ]),
  );
}

/** Whether `parseEndpoint` accepts `text` as a unix endpoint. Never throws. */
export function isValidUnixEndpoint(text: string): boolean {
  try {
    parseUnixEndpoint(text);
    return true;
  } catch {
    return false;
  }
}

/**
 * Normalizes a path, with or without `unix:` in front, which is removed. Two or more leading slashes become one; in
 * that case only, repeated slashes further on become one as well. So `unix:///run/p.sock` (a URI) and
 * `unix://run/p.sock` (a common slip) both become `/run/p.sock`. Relative paths stay unchanged.
 *
 * @throws TransportError `INVALID_ENDPOINT` for a path that no socket can have: one that is empty, contains a control
 * character or an unpaired surrogate, or ends in `/`, `.` or `..`
 */
export function normalizeUnixPath(path: string): string {
  assertString(path);
  return normalizePath(path, path.startsWith(UNIX_SCHEME) ? UNIX_SCHEME.length : 0);
}

/** Where the path begins in text that has the form of a unix endpoint; -1 for other text. */
export function unixPathStart(text: string): number {
  if (text.startsWith(UNIX_SCHEME)) return UNIX_SCHEME.length;
  return text.startsWith('/') || text.startsWith('./') || text.startsWith('../') ? 0 : -1;
}

/** The canonical endpoint for the path that begins at `start`. */
export function toUnixEndpoint(text: string, start = 0): UnixEndpoint {
  const path = normalizePath(text, start);
  // All slashes after the dot are removed: `.//x` must not become an absolute path.
  return { network: 'unix', path: path.startsWith('./') ? path.replace(/^(?:\.\/+)+/, '') : path };
}

/** Why text that names an abstract socket is not an endpoint; `undefined` for other text. */
export function abstractSocketProblem(text: string): Problem | undefined {
  if (!text.startsWith('unix-abstract:')) return undefined;
  return [
    'plugins do not use abstract sockets',
    'They have no permissions. Write unix:path with a path in a directory of your own.',
  ];
}

function normalizePath(text: string, start: number): string {
  let root = start;
  while (text.startsWith('//', root)) root++;
  const path = text.slice(root);
  if (path === '') throw invalidEndpoint(text, 'the path is empty', 'Write unix:/run/plugin.sock or another path.');
  if (UNWRITABLE.test(text)) {
    throw invalidEndpoint(text, 'the path has a control character or an unpaired surrogate', 'Rename the socket.');
  }
  if (DIRECTORY.test(path)) {
    throw invalidEndpoint(text, 'the path names a directory', 'Add the name of the socket, as in /run/plugin.sock.');
  }
  return root > start && path.includes('//') ? path.replace(/\/{2,}/g, '/') : path;
}
