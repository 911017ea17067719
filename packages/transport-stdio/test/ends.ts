import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, fstatSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { StdioTransportOptions } from '../src/index.js';

/** The two ends of a connection, and how to close what is left of it. */
export interface Ends {
  readonly ends: readonly [StdioTransportOptions, StdioTransportOptions];
  readonly close: () => void;
}

/** Connections over sockets, as Node makes them for the descriptors of child processes. */
export async function socketEnds(count: number): Promise<(Ends & { sockets: readonly [Socket, Socket] })[]> {
  const directory = mkdtempSync(join(tmpdir(), 'stdio-'));
  const server = createServer({ allowHalfOpen: true }).listen(join(directory, 's'));
  await once(server, 'listening');
  const pairs = [];
  for (let i = 0; i < count; i++) {
    const near = connect(join(directory, 's'));
    const [[far]] = (await Promise.all([once(server, 'connection'), once(near, 'connect')])) as [[Socket], unknown];
    for (const socket of [near, far]) socket.on('error', () => undefined);
    pairs.push({
      ends: [{ duplex: near }, { duplex: far }] as const,
      sockets: [near, far] as const,
      close: () => {
        near.destroy();
        far.destroy();
      },
    });
  }
  server.close();
  rmSync(directory, { recursive: true, force: true });
  return pairs;
}

/** Connections over two pipes each, as descriptors of this process. */
export function pipeEnds(count: number): Ends[] {
  const directory = mkdtempSync(join(tmpdir(), 'stdio-'));
  const paths = Array.from({ length: 2 * count }, (_, i) => join(directory, String(i)));
  if (count > 0) execFileSync('mkfifo', paths);
  const pipes = paths.map((path) => {
    const input = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    return { input, output: openSync(path, constants.O_WRONLY), inode: fstatSync(input).ino };
  });
  rmSync(directory, { recursive: true });
  return Array.from({ length: count }, (_, i) => {
    const [there, back] = pipes.slice(2 * i) as [Pipe, Pipe];
    return {
      ends: [
        { input: back.input, output: there.output },
        { input: there.input, output: back.output },
      ],
      close: () => {
        for (const { input, output, inode } of [there, back]) for (const fd of [input, output]) closeStill(fd, inode);
      },
    };
  });
}

/** Connections over a pair of sockets each, as descriptors that this process was started with. */
export function descriptorEnds(count: number): Ends[] {
  return descriptors.splice(0, 2 * count).flatMap((near, i, all) => {
    const far = all[i + 1];
    if (i % 2 === 1 || far === undefined) return [];
    const inodes = [near, far].map((fd) => fstatSync(fd).ino);
    return {
      ends: [{ fd: near }, { fd: far }],
      close: () => {
        [near, far].forEach((fd, of) => {
          closeStill(fd, inodes[of] ?? 0);
        });
      },
    };
  });
}

/** Of `with-socketpairs.py`. */
const descriptors = (process.env['SOCKETPAIRS'] ?? '').split(',').filter(Boolean).map(Number);

interface Pipe {
  readonly input: number;
  readonly output: number;
  readonly inode: number;
}

/** Closes a descriptor that is still that of the inode. */
function closeStill(fd: number, inode: number): void {
  try {
    if (fstatSync(fd).ino === inode) closeSync(fd);
  } catch {
    // It is closed.
  }
}
