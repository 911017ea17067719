// What transport-unix says of sockets that were handed over; test/inherited has the rest, for every network.
import { closeSync, openSync, unlinkSync, writeFileSync } from 'node:fs';
import type { Server } from 'node:net';
import { join } from 'node:path';
import { freshDirectory, plainListener, Program, script } from '@rpcplugin/test-support';
import { expect, it, onTestFinished } from 'vitest';

/** Prints the endpoint of a transport on descriptor 3, or why there is none. Argument: its path, if any. */
const program = `
  import { UnixSocketTransport } from '../src/index.js';
  const [path] = process.argv.slice(2);
  const transport = new UnixSocketTransport({ fd: 3, path });
  try {
    console.log(await transport.listen());
  } catch ({ code, endpoint, hint }) {
    console.log(code, endpoint, hint);
  }
  await transport.close();
`;

async function listenOn(server: Server, ...path: string[]): Promise<string> {
  const { fd } = (server as unknown as { _handle: { fd: number } })._handle;
  const child = new Program(script(import.meta.url, program, ...path), {}, ['pipe', 'pipe', 'pipe', fd]);
  const { stdout, stderr } = await child.ended;
  expect(stderr).toBe('');
  return stdout.trim();
}

const unknown = 'INVALID_ARGUMENT undefined Give its path as well as its fd.';

it.runIf(process.platform === 'linux').each([
  { what: 'a path', change: () => undefined, expected: (path: string) => `unix:${path}` },
  { what: 'a path that was removed', change: unlinkSync, expected: () => unknown },
  {
    what: 'a path that another file has',
    change: (path: string) => {
      unlinkSync(path);
      writeFileSync(path, '');
    },
    expected: () => unknown,
  },
])('knows the path of a socket that was bound to $what, or that it does not know it', async ({ change, expected }) => {
  const path = join(await freshDirectory(), 's');
  const server = await plainListener({ path }, (socket) => socket.destroy());
  change(path);
  expect(await listenOn(server)).toBe(expected(path));
  // With the path, it need not know.
  expect(await listenOn(server, path)).toBe(`unix:${path}`);
});

it.runIf(process.platform === 'linux')(
  'does not take a path below /proc, which may lead elsewhere at any time',
  async () => {
    const directory = openSync(await freshDirectory(), 'r');
    onTestFinished(() => {
      closeSync(directory);
    });
    const server = await plainListener({ path: `/proc/${process.pid}/fd/${directory}/s` }, (socket) =>
      socket.destroy(),
    );
    expect(await listenOn(server)).toBe(unknown);
  },
);

it.runIf(process.platform === 'linux')('does not know the path of an abstract socket', async () => {
  const server = await plainListener({ path: `\0${await freshDirectory()}` }, (socket) => socket.destroy());
  expect(await listenOn(server)).toBe(unknown);
});
