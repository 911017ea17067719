import { fileAt, isFile } from './files.js';
import type { FileIdentity } from './files.js';

/** How often to look at the socket file, in milliseconds. A look takes about 5 µs. */
const LOOK_MS = 2000;

/**
 * Warns, once, when a listener's file is removed or replaced: nobody can connect by its path then. Returns a function
 * that ends the watch.
 *
 * Not `fs.watch`, which leaves an inotify descriptor open for good.
 */
export function watchFile(path: string, file: FileIdentity, warn: (what: string, cause?: unknown) => void): () => void {
  const look = (): void => {
    let found: FileIdentity | undefined;
    try {
      found = fileAt(path);
      if (found !== undefined && isFile(found, file)) return;
    } catch (error) {
      clearInterval(timer);
      warn('the socket file cannot be watched any more', error);
      return;
    }
    clearInterval(timer);
    warn(found === undefined ? 'the socket file was removed' : 'the socket file was replaced');
  };
  const timer = setInterval(look, LOOK_MS).unref();
  return () => {
    clearInterval(timer);
  };
}
