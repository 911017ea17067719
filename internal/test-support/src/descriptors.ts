import { closeSync, openSync, readdirSync, readlinkSync } from 'node:fs';
import { devNull } from 'node:os';

/** What each file descriptor of this process refers to. Empty where there is no `/proc`. */
export function descriptorTargets(): string[] {
  if (process.platform !== 'linux') return [];
  return readdirSync('/proc/self/fd').flatMap((descriptor) => {
    try {
      return readlinkSync(`/proc/self/fd/${descriptor}`);
    } catch {
      // The descriptor of the listing itself.
      return [];
    }
  });
}

/**
 * A snapshot of {@link descriptorTargets}. Since the name of a socket holds its inode, and no two sockets have the same
 * inode at a time, a name that only a later snapshot holds was opened in between.
 */
export function openDescriptors(): Set<string> {
  return new Set(descriptorTargets());
}

/** What this process has opened since that snapshot and not closed. */
export function descriptorsSince(before: ReadonlySet<string>): string[] {
  return [...openDescriptors()].filter((target) => !before.has(target));
}

/** The sockets among {@link descriptorsSince}. */
export function socketsSince(before: ReadonlySet<string>): string[] {
  return descriptorsSince(before).filter((target) => target.startsWith('socket:'));
}

const hoard: number[] = [];

/** Uses up the file descriptors of this process, except for `leave` of them. */
export function exhaustDescriptors({ leave = 0 }: { leave?: number | undefined } = {}): void {
  try {
    for (;;) hoard.push(openSync(devNull, 'r'));
  } catch {
    // All are in use.
  }
  closeAll(hoard.splice(Math.max(0, hoard.length - leave)));
}

/** Closes what {@link exhaustDescriptors} opened. */
export function recoverDescriptors(): void {
  closeAll(hoard.splice(0));
}

function closeAll(descriptors: readonly number[]): void {
  for (const descriptor of descriptors) closeSync(descriptor);
}
