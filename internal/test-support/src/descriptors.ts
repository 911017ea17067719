import { closeSync, openSync, readdirSync, readlinkSync } from 'node:fs';
import { devNull } from 'node:os';

/** The target of each file descriptor of this process. Empty on systems without `/proc`. */
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
 * A snapshot of {@link descriptorTargets}. The name of a socket contains its inode, which no two sockets share at the
 * same time, so a name that is only in a later snapshot was opened in between.
 */
export function openDescriptors(): Set<string> {
  return new Set(descriptorTargets());
}

/** The targets that this process has opened since the snapshot and not closed. */
export function descriptorsSince(before: ReadonlySet<string>): string[] {
  return [...openDescriptors()].filter((target) => !before.has(target));
}

/** The sockets among {@link descriptorsSince}. */
export function socketsSince(before: ReadonlySet<string>): string[] {
  return descriptorsSince(before).filter((target) => target.startsWith('socket:'));
}

const hoard: number[] = [];

/** Uses up the file descriptors of this process, except `leave` of them. */
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
