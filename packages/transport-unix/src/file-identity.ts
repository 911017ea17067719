import { lstatSync } from 'node:fs';
import type { BigIntStats } from 'node:fs';

/** Identifies a file, whatever its name. */
export type FileIdentity = Pick<BigIntStats, 'dev' | 'ino'> &
  // For files that no process holds open: after a removal, a new file can reuse the inode number.
  Partial<Pick<BigIntStats, 'ctimeNs'>>;

/**
 * Identifies the file at a path, without following a symbolic link. The file must be held open, as a listener holds its
 * socket, so that its inode number cannot be reused.
 */
export function identityOf(path: string): FileIdentity {
  const { dev, ino } = lstatSync(path, { bigint: true });
  return { dev, ino };
}

/** Whether the path still leads to this file. */
export function isStill(path: string, { dev, ino, ctimeNs }: FileIdentity): boolean {
  const stats = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  return stats?.dev === dev && stats.ino === ino && (ctimeNs === undefined || stats.ctimeNs === ctimeNs);
}
