import { assertText, invalidEndpoint } from './invalid.js';

/** Where a unix socket is. */
export interface UnixEndpoint {
  readonly network: 'unix';
  /** Absolute, or relative to the working directory. Its length is the platform's to limit, not checked here. */
  readonly path: string;
}

const SCHEME = 'unix:';

// A control character or half of a surrogate pair: what a terminal or a handshake trips over, or has no UTF-8. V8 takes half a
// millisecond of a program's start to read the same with \p{Cc} and \p{Cs}.
const UNWRITABLE = /[^ -~\xa0-\ud7ff\ue000-\u{10ffff}]/u;

/** Where the path begins in text that is written like a unix endpoint; -1 in other text. */
export function unixPathStart(text: string): number {
  if (text.startsWith(SCHEME)) return SCHEME.length;
  return text.startsWith('/') || text.startsWith('./') || text.startsWith('../') ? 0 : -1;
}

/** The canonical endpoint of the path that begins at `start`. */
export function unixEndpoint(text: string, start = 0): UnixEndpoint {
  const path = pathFrom(text, start);
  // All slashes after a dot go with it: what is left of `.//x` must not become absolute.
  return { network: 'unix', path: path.startsWith('./') ? path.replace(/^(?:\.\/+)+/, '') : path };
}

/**
 * The path in `unix:path`, or a path as it stands: strips one `unix:`; two or more slashes at the start become one, and
 * in that case only repeated slashes further on as well, which makes `unix:///run/p.sock` (a URI) and `unix://run/p.sock`
 * (a frequent slip) `/run/p.sock`. Relative paths are left alone.
 *
 * @throws TransportError `INVALID_ENDPOINT` when no socket can have that path: empty, with a control character or half
 * of a surrogate pair in it, or with `/`, `.` or `..` as its end
 */
export function normalizeUnixPath(path: string): string {
  assertText(path);
  return pathFrom(path, path.startsWith(SCHEME) ? SCHEME.length : 0);
}

function pathFrom(text: string, start: number): string {
  let root = start;
  while (text.startsWith('//', root)) root++;
  const path = text.slice(root);
  if (path === '') throw invalidEndpoint(text, 'empty path', 'write unix:/run/plugin.sock or another path');
  if (UNWRITABLE.test(text)) {
    throw invalidEndpoint(text, 'a control character or half of a surrogate pair in the path', 'rename the socket');
  }
  const name = path.slice(path.lastIndexOf('/') + 1);
  if (name === '' || name === '.' || name === '..') {
    throw invalidEndpoint(text, 'the path of a directory', 'add the name of the socket in it, as in /run/plugin.sock');
  }
  return root > start && path.includes('//') ? path.replace(/\/{2,}/g, '/') : path;
}
