import { chmodSync, readlinkSync, renameSync } from 'node:fs';
import type { Socket } from 'node:net';
import { listenSocket } from '@rpcplugin/transport-base';
import type { ListenContext } from '@rpcplugin/transport-base';
import type { Directory } from './directory.js';
import { unlinkIfThere } from './files.js';
import { ownedName } from './owner.js';

// The beacon of a plugin in a container is a second socket, which processes of this user in other containers may
// connect to, so that they need not connect to that of the plugin. When it refuses, the plugin has ended.

/** The name of the beacon of a plugin; `undefined` if the name is not that of a plugin's socket. */
export function beaconOf(plugin: string): string | undefined {
  return plugin.startsWith('plugin-') ? plugin.replace(/^plugin-/, 'beacon-') : undefined;
}

/** The name of the plugin that a beacon is for; `undefined` if the name is not that of a beacon. */
export function pluginOf(beacon: string): string | undefined {
  return beacon.startsWith('beacon-') ? beacon.replace(/^beacon-/, 'plugin-') : undefined;
}

/**
 * Whether this process is in a PID namespace of its own, such as that of a container: others cannot know its threads.
 */
function isInContainer(): boolean {
  try {
    // The initial namespace has this number on every machine (include/linux/proc_ns.h).
    return readlinkSync('/proc/self/ns/pid') !== 'pid:[4026531836]';
  } catch {
    return false;
  }
}

/** Starts the beacon of a plugin in a private directory, if this process needs one. */
export async function startBeacon(directory: Directory, plugin: string, context: ListenContext): Promise<void> {
  const beacon = beaconOf(plugin);
  if (beacon === undefined || !isInContainer()) return;
  const accept = (socket: Socket): void => {
    socket.destroy();
  };
  // Only gets its name when it listens: until then it refuses, like that of a plugin that has ended.
  const [path, bound] = [directory.at(beacon), directory.at(ownedName('new'))];
  context.defer(() => {
    for (const each of [path, bound]) unlinkIfThere(each);
  });
  await listenSocket({ path: bound }, {}, { ...context, accept });
  // Under any umask.
  chmodSync(bound, 0o600);
  renameSync(bound, path);
}
