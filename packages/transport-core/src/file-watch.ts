import { statSync, watch } from 'node:fs';
import type { BigIntStats, FSWatcher } from 'node:fs';
import { basename, dirname } from 'node:path';

/** How long to leave between two looks at the file, in milliseconds. */
const LOOK_MS = 2;
/** The same while it is watched: an event is not to be relied on alone, on a network file system for instance. */
const WATCHED_LOOK_MS = 100;
const UNWATCHED_MS = 1000;

/**
 * Waits until what stands at a path is another file, or has been changed.
 *
 * In the first second it looks every 2 ms, which is 1 to 4 % of a processor. Later the system tells it, which costs nothing, but leaves
 * a descriptor in the process for good (libuv keeps that of inotify), which most waits do without that way.
 */
export class FileWatch {
  readonly #path: string;
  readonly #watchFrom: number;
  #watcher: FSWatcher | undefined;
  #canWatch = true;
  #wake: (() => void) | undefined;

  /** @param unwatchedMs - For how many milliseconds to do without a watch. */
  constructor(path: string, unwatchedMs = UNWATCHED_MS) {
    this.#path = path;
    this.#watchFrom = performance.now() + unwatchedMs;
  }

  /** What stands at the path, links followed: another text whenever it is another file, or the file has been changed. */
  state(): string {
    const stats = statsAt(this.#path);
    return stats === undefined ? '' : `${stats.ino} ${stats.ctimeNs}`;
  }

  /** For how many milliseconds it has been as it is; `Infinity` if nothing can be seen there. */
  ageMs(): number {
    const stats = statsAt(this.#path);
    return stats === undefined ? Infinity : Date.now() - Number(stats.ctimeNs) / 1e6;
  }

  /** Resolves once that is no longer its state, or after `ms` milliseconds, or when `signal` fires. One call at a time. */
  change(state: string, ms: number, signal: AbortSignal): Promise<void> {
    const deadline = performance.now() + ms;
    return new Promise((resolve) => {
      let timer: NodeJS.Timeout | undefined;
      const look = (): void => {
        clearTimeout(timer);
        const leftMs = deadline - performance.now();
        if (!signal.aborted && leftMs > 0 && this.state() === state) {
          timer = setTimeout(look, Math.min(leftMs, this.#untilNextLookMs()));
          return;
        }
        this.#wake = undefined;
        signal.removeEventListener('abort', look);
        resolve();
      };
      this.#wake = look;
      signal.addEventListener('abort', look);
      look();
    });
  }

  close(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
  }

  #untilNextLookMs(): number {
    if (this.#watcher !== undefined) return WATCHED_LOOK_MS;
    if (this.#canWatch && performance.now() >= this.#watchFrom)
      this.#startWatch(dirname(this.#path), basename(this.#path));
    // Also right after a watch has begun, for what happened just before.
    return LOOK_MS;
  }

  /** Watches for a name in a directory, or as long as that is missing, for the directory itself in the one above. */
  #startWatch(directory: string, name: string): void {
    const onEvent = (_event: string, changed: string | null): void => {
      // Others may make much of the same directory; its own name stands for the directory itself.
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
    } catch {
      // Missing, or the system has no watches left to give.
      this.#canWatch = directory !== dirname(directory);
      if (this.#canWatch) this.#startWatch(dirname(directory), basename(directory));
    }
  }
}

/** What stands at a path, links followed; `undefined` if nothing can be seen there. */
export function statsAt(path: string): BigIntStats | undefined {
  try {
    // In bigints, as it may be a socket: once Node has looked at one in numbers, `require` and `import` go wrong at links, which
    // pnpm's packages are, until it looks at another file (nodejs/node#51142).
    return statSync(path, { bigint: true, throwIfNoEntry: false });
  } catch {
    // A directory on the way that may not be entered, say: whoever connects is told.
    return undefined;
  }
}
