import { openDescriptors, until } from '@rpcplugin/test-support';
import type { Place } from '../variants.js';

/** Everything in the process and the file system that a history can leave behind. */
interface Inventory {
  readonly descriptors: ReadonlySet<string>;
  /** Timers, sockets, servers and pending requests, as Node counts them. */
  readonly resources: readonly string[];
  readonly listeners: readonly string[];
  readonly files: readonly string[];
}

/** Finds what a history leaves behind (X3), and errors that it does not catch (E2). */
export class LeakCheck {
  readonly #place: Place;
  readonly #before: Inventory;
  readonly #escaped: unknown[] = [];

  private constructor(place: Place, before: Inventory) {
    this.#place = place;
    this.#before = before;
    process.on('uncaughtException', this.#onEscape);
    process.on('unhandledRejection', this.#onEscape);
  }

  static async begin(place: Place): Promise<LeakCheck> {
    return new LeakCheck(place, await inventory(place));
  }

  /** Rejects unless everything is as before, at once or soon: the far end of a cut connection may still be closing. */
  async expectNone(): Promise<void> {
    let left = await this.#left();
    const none = async (): Promise<boolean> => {
      if (left.length > 0) left = await this.#left();
      return left.length === 0;
    };
    await until(none, { timeoutMs: 10_000 }).catch(() => undefined);
    if (left.length > 0) throw new Error(`left behind (X3): ${left.join(', ')}`);
    if (this.#escaped.length > 0) throw new Error(`not caught (E2): ${this.#escaped.map(String).join(', ')}`);
  }

  end(): void {
    process.off('uncaughtException', this.#onEscape);
    process.off('unhandledRejection', this.#onEscape);
  }

  readonly #onEscape = (error: unknown): void => {
    this.#escaped.push(error);
  };

  async #left(): Promise<string[]> {
    const before = this.#before;
    const now = await inventory(this.#place);
    return [
      ...[...now.descriptors].filter((descriptor) => !before.descriptors.has(descriptor)),
      ...more(before.resources, now.resources),
      ...more([...before.listeners, 'uncaughtException', 'unhandledRejection'], now.listeners),
      ...more(before.files, now.files),
    ];
  }
}

async function inventory(place: Place): Promise<Inventory> {
  // First, so that the resources do not include the reading of files.
  const files = await place.leftovers();
  return {
    files,
    descriptors: openDescriptors(),
    resources: process.getActiveResourcesInfo(),
    listeners: process.eventNames().flatMap((event) => Array<string>(process.listenerCount(event)).fill(String(event))),
  };
}

/** The entries that occur more often in `now` than in `before`. */
function more(before: readonly string[], now: readonly string[]): string[] {
  const count = (all: readonly string[], one: string): number => all.filter((each) => each === one).length;
  return [...new Set(now)].filter((one) => count(now, one) > count(before, one));
}
