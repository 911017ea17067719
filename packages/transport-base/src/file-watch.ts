import { statSync, watch } from 'node:fs';
import type { BigIntStats, FSWatcher } from 'node:fs';
import { basename, dirname } from 'node:path';
import { realTime } from './real-time.js';
import { errnoOf } from './system-errors.js';

/** The interval between two checks of the file, in milliseconds. */
const CHECK_MS = 2;
/** The same while the file is watched: some file systems, such as those on a network, do not report every change. */
const WATCHED_CHECK_MS = 100;
const UNWATCHED_MS = 1000;

/**
 * Waits until the file at a path changes or is replaced.
 *
 * For a second it checks every 2 ms, which takes 1 to 4 % of a processor. After that it uses `fs.watch`, which takes
 * none but leaves a file descriptor open for good (libuv keeps its inotify descriptor); most waits are over by then.
 */
export class FileWatch {
  readonly #path: string;
  readonly #watchFrom: number;
  #watcher: FSWatcher | undefined;
  #canWatch = true;
  #wake: (() => void) | undefined;

  /** @param unwatchedMs - How long to go without `fs.watch`, in milliseconds. Default: 1000. */
  constructor(path: string, unwatchedMs = UNWATCHED_MS) {
    this.#path = path;
    this.#watchFrom = realTime.now() + unwatchedMs;
  }

  /** Identifies the file at the path and its version, symbolic links followed: a different text after each change. */
  state(): string {
    const stats = statsAt(this.#path);
    return stats === undefined ? '' : `${stats.ino} ${stats.ctimeNs}`;
  }

  /** How long ago the file last changed, in milliseconds; `Infinity` if there is none. */
  ageMs(): number {
    const stats = statsAt(this.#path);
    return stats === undefined ? Infinity : Date.now() - Number(stats.ctimeNs) / 1e6;
  }

  /** Resolves once the state differs, after `ms` milliseconds, or when `signal` aborts. One call at a time. */
  change(state: string, ms: number, signal: AbortSignal): Promise<void> {
    const deadline = realTime.now() + ms;
    return new Promise((resolve) => {
      let timer: NodeJS.Timeout | undefined;
      const check = (): void => {
        realTime.clearTimeout(timer);
        const leftMs = deadline - realTime.now();
        if (!signal.aborted && leftMs > 0 && this.state() === state) {
          timer = realTime.setTimeout(check, Math.min(leftMs, this.#nextCheckMs()));
          return;
        }
        this.#wake = undefined;
        signal.removeEventListener('abort', check);
        resolve();
      };
      this.#wake = check;
      signal.addEventListener('abort', check);
      check();
    });
  }

  close(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
  }

  #nextCheckMs(): number {
    if (this.#watcher !== undefined) return WATCHED_CHECK_MS;
    if (this.#canWatch && realTime.now() >= this.#watchFrom) {
      this.#startWatch(dirname(this.#path), basename(this.#path));
    }
    // Also right after the watch started, to catch a change just before that.
    return CHECK_MS;
  }

  /** Watches a directory for a name or, while the directory is missing, its parent for the directory. */
  #startWatch(directory: string, name: string): void {
    const onEvent = (_event: string, changed: string | null): void => {
      // Ignore the other files in the directory. Its own name stands for the directory itself.
      if (changed !== null && changed !== name && changed !== basename(directory)) return;
      this.close();
      this.#wake?.();
    };
    try {
      this.#watcher = watch(directory, { persistent: false }, onEvent);
      this.#watcher.on('error', () => {
        this.#canWatch = false;
        this.close();
      });
    } catch (error) {
      // The directory is missing, or the system is out of watches.
      this.#canWatch = directory !== dirname(directory);
      if (this.#canWatch) this.#startWatch(dirname(directory), basename(directory));
      // Created before the watch of its parent began: after the next check, it is watched itself.
      if (errnoOf(error) === 'ENOENT' && statsAt(directory) !== undefined) this.close();
    }
  }
}

/** The file at a path, symbolic links followed; `undefined` if there is none, or it cannot be inspected. */
export function statsAt(path: string): BigIntStats | undefined {
  try {
    // As bigints: after a stat of a socket with numbers, `require` and `import` fail on symbolic links, which pnpm's
    // packages are, until the next stat (nodejs/node#51142).
    return statSync(path, { bigint: true, throwIfNoEntry: false });
  } catch {
    // Such as a directory without search permission. The connect reports it.
    return undefined;
  }
}
