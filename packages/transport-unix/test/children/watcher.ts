// Runs as another user and polls a directory as fast as it can. Reports every mode and group of a socket with the given
// name, and every socket that accepts a connection.
import { readdirSync, lstatSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { repeatUntilStopped } from '@rpcplugin/test-support/process';

const [directory = '', name = ''] = process.argv.slice(2);

export interface Sightings {
  looks: number;
  /** Distinct values, each as `mode:gid`. */
  seen: string[];
  /** The paths that accepted a connection. */
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

/** Paths that may be sockets: the entry with the name, and the readable contents of the others, all directories. */
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

repeatUntilStopped(
  async () => {
    for (let i = 0; i < 100; i++) look();
    await Promise.all(socketsIn(directory).map(tryToConnect));
  },
  (): Sightings => ({ looks, seen: [...seen], connected: [...connected] }),
);
