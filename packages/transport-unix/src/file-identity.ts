import { lstatSync } from 'node:fs';
import type { BigIntStats } from 'node:fs';

/** Which file it is, whatever its name. */
export type FileIdentity = Pick<BigIntStats, 'dev' | 'ino'> &
  // Of a file that nobody holds open: once it has gone, a new one can get its inode.
  Partial<Pick<BigIntStats, 'ctimeNs'>>;

/** The file at a path, or the link itself: one that somebody holds, as a listener does its socket. */
export function identityOf(path: string): FileIdentity {
  const { dev, ino } = lstatSync(path, { bigint: true });
  return { dev, ino };
}

/** Whether the path still is that of the very file. */
export function isStill(path: string, { dev, ino, ctimeNs }: FileIdentity): boolean {
  const stats = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  return stats?.dev === dev && stats.ino === ino && (ctimeNs === undefined || stats.ctimeNs === ctimeNs);
}
