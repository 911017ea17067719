import { chmodSync, chownSync, lchmodSync, lchownSync } from 'node:fs';
import { errnoOf } from '@rpcplugin/transport-base';
import { TransportError } from '@rpcplugin/transport-core';
import type { Directory } from './directory.js';
import { holdFile, isFile } from './files.js';
import type { FileIdentity } from './files.js';

/** Who may use a directory or socket of this user. */
export interface Access {
  /** The permission bits. */
  readonly mode: number;
  /** The group; `undefined` for the one that the system chooses. */
  readonly gid?: number | undefined;
}

/** Access to a directory for this user only. */
export const OWN: Access = { mode: 0o700 };

/** Changes the mode of a file, without following a link. Only macOS has it. */
// eslint-disable-next-line @typescript-eslint/no-deprecated -- on this platform there is no other
const lchmod = lchmodSync as typeof chmodSync | undefined;

/** The effective user of this process. */
export function ownUid(): bigint {
  return BigInt(process.geteuid?.() ?? -1);
}

/**
 * Sets the mode and group of a file that no other user can replace.
 *
 * @throws TransportError `INVALID_ARGUMENT` for a group that this user namespace does not have.
 */
export function setAccess(path: string, { mode, gid }: Access): void {
  if (gid !== undefined) setGroup(chownSync, path, gid);
  chmodSync(path, mode);
}

function setGroup(chown: typeof chownSync, path: string, gid: number): void {
  try {
    chown(path, -1, gid);
  } catch (cause) {
    if (errnoOf(cause) !== 'EINVAL') throw cause;
    throw new TransportError('INVALID_ARGUMENT', `the group ${gid} does not exist in this user namespace`, {
      hint: 'Give the number that it has inside the container, or no group.',
      cause,
    });
  }
}

/** Whether {@link setSocketAccess} certainly changes no other file. */
export function canSetSocketAccess(directory: Directory): boolean {
  return lchmod !== undefined || directory.canBeRedirected() !== 'yes';
}

/** Sets the mode and group of this very socket. Throws if another user replaced it. */
export function setSocketAccess(directory: Directory, name: string, access: Access, socket: FileIdentity): void {
  const path = directory.at(name);
  if (!directory.isHeld) {
    if (access.gid !== undefined) setGroup(lchownSync, path, access.gid);
    (lchmod ?? chmodSync)(path, access.mode);
    return;
  }
  // Through a descriptor, because another user may replace the file by a link.
  const file = holdFile(path);
  try {
    if (file === undefined || !isFile(file.stats, socket) || file.stats.uid !== ownUid()) {
      throw new Error(`${path} was replaced`);
    }
    setAccess(file.path, access);
  } finally {
    file?.close();
  }
}
