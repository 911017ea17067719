import { chmodSync, readlinkSync, renameSync } from 'node:fs';
import { createServer } from 'node:net';
import type { Cleanup } from '@rpcplugin/transport-base';
import type { Directory } from './directory.js';
import { unlinkIfThere } from './files.js';
import { ownedName } from './owner.js';

// The beacon of a process in a container is a second socket, beside that of a plugin or the directory of a host.
// Processes of this user in other containers may connect to it, so that they need not connect to the plugin. When it
// refuses, the process has ended.

/** The name of the beacon of a plugin's socket or a host's directory; `undefined` if the name is of neither. */
export function beaconOf(name: string): string | undefined {
  const beacon = name.replace(/^(plugin|host)-/, 'beacon-');
  return beacon === name ? undefined : beacon;
}

/** The names of what a beacon may be for; none if the name is not that of a beacon. */
export function namesByBeacon(name: string): string[] {
  return name.startsWith('beacon-') ? ['plugin', 'host'].map((kind) => name.replace('beacon', kind)) : [];
}

/**
 * Whether this process is in a PID namespace of its own, such as that of a container: others cannot know its threads.
 */
export function isInContainer(): boolean {
  try {
    // The initial namespace has this number on every machine (include/linux/proc_ns.h).
    return readlinkSync('/proc/self/ns/pid') !== 'pid:[4026531836]';
  } catch {
    return false;
  }
}

/**
 * Starts the beacon for a name in a private directory, if this process needs one. It does not keep the process running.
 *
 * @param defer - Gets the steps that stop it.
 */
export async function startBeacon(directory: Directory, name: string, defer: Cleanup['defer']): Promise<void> {
  const beacon = beaconOf(name);
  if (beacon === undefined || !isInContainer()) return;
  const server = createServer((socket) => socket.destroy()).unref();
  // Only gets its name when it listens: until then it refuses, like that of a process that has ended.
  const [path, bound] = [directory.at(beacon), directory.at(ownedName('new'))];
  defer(() => {
    for (const each of [path, bound]) unlinkIfThere(each);
    server.close();
  });
  await new Promise<void>((resolve, reject) => {
    // Later errors are of connections that cannot be accepted, which changes nothing.
    server.on('error', reject).listen({ path: bound, exclusive: true }, resolve);
  });
  // Under any umask.
  chmodSync(bound, 0o600);
  renameSync(bound, path);
}
