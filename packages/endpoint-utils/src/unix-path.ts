import { DOT, isPrintableAscii, SLASH } from './chars.js';
import { assertText, invalidEndpoint } from './invalid.js';

/** Where a unix socket is. */
export interface UnixEndpoint {
  readonly network: 'unix';
  /** Absolute, or relative to the working directory. Its length is the platform's to limit, not checked here. */
  readonly path: string;
}

const SCHEME = 'unix:';

/** Where the path begins in text that is written like a unix endpoint; -1 in other text. */
export function unixPathStart(text: string): number {
  switch (text.charCodeAt(0)) {
    case SLASH:
      return 0;
    case DOT:
      return text.startsWith('./') || text.startsWith('../') ? 0 : -1;
    default:
      return text.startsWith(SCHEME) ? SCHEME.length : -1;
  }
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
  if (start === text.length) throw invalidEndpoint(text, 'empty path', 'write unix:/run/plugin.sock or another path');
  if (hasUnwritable(text, start)) {
    throw invalidEndpoint(text, 'a control character or half of a surrogate pair in the path', 'rename the socket');
  }
  if (isDirectory(text, start)) {
    throw invalidEndpoint(text, 'the path of a directory', 'add the name of the socket in it, as in /run/plugin.sock');
  }
  let root = start;
  while (text.charCodeAt(root) === SLASH && text.charCodeAt(root + 1) === SLASH) root++;
  const path = text.slice(root);
  return root > start && path.includes('//') ? path.replace(/\/{2,}/g, '/') : path;
}

/** Whether there are characters in a path that a terminal or a handshake trips over, or that have no UTF-8. */
function hasUnwritable(text: string, start: number): boolean {
  let i = start;
  while (i < text.length && isPrintableAscii(text.charCodeAt(i))) i++;
  return i < text.length && /[\p{Cc}\p{Cs}]/u.test(text);
}

/** Whether the last segment of a path is empty, `.` or `..`. */
function isDirectory(text: string, start: number): boolean {
  const last = text.charCodeAt(text.length - 1);
  return (last === SLASH || last === DOT) && /(?:^|\/)\.{0,2}$/.test(text.slice(start));
}
