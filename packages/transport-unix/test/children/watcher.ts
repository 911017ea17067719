// Another user, who looks at a directory as fast as it can: reports every mode and group that any socket at the name was seen
// with, and whether any socket in it let it connect.
import { readdirSync, lstatSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { repeatUntilAsked } from '@rpcplugin/test-support/process';

const [directory = '', name = ''] = process.argv.slice(2);

export interface Sightings {
  looks: number;
  /** Distinct, each as `mode:gid`. */
  seen: string[];
  /** Paths that it could connect to. */
  connected: string[];
}

const seen = new Set<string>();
const connected = new Set<string>();
let looks = 0;

function look(): void {
  const stats = lstatSync(join(directory, name), { throwIfNoEntry: false });
  looks++;
  if (stats !== undefined) seen.add(`${(stats.mode & 0o7777).toString(8)}:${stats.gid}`);
}

function tryToConnect(path: string): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.on('connect', () => {
      connected.add(path);
      socket.destroy();
    });
    socket
      .on('error', () => undefined)
      .on('close', () => {
        resolve();
      });
  });
}

/** What may be a socket: the entry of that name, and whatever the other entries, which are directories, let it see. */
function socketsIn(parent: string): string[] {
  return readdirSync(parent).flatMap((entry) => {
    const path = join(parent, entry);
    if (entry === name) return path;
    try {
      return readdirSync(path).map((inner) => join(path, inner));
    } catch {
      return [];
    }
  });
}

repeatUntilAsked(
  async () => {
    for (let i = 0; i < 100; i++) look();
    await Promise.all(socketsIn(directory).map(tryToConnect));
  },
  (): Sightings => ({ looks, seen: [...seen], connected: [...connected] }),
);
