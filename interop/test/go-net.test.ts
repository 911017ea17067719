import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { fromHandshakeAddress, toHandshakeAddress } from '@rpcplugin/endpoint-utils';
import { closeAfterTest, freshDirectory, startProgram } from '@rpcplugin/test-support';
import type { Transport } from '@rpcplugin/transport-core';
import { TCPSocketTransport } from '@rpcplugin/transport-tcp';
import { UnixSocketTransport } from '@rpcplugin/transport-unix';
import { expect, it } from 'vitest';
import { describeInterop } from '../src/describe-interop.js';
import { goPeer, runGo, useGoPeer } from '../src/go-peer.js';
import { peers } from '../src/peers.js';
import { hashOf } from './large.js';

useGoPeer();

interface Network {
  over: string;
  /** Creates a transport. A unix socket goes into the directory. */
  create: (directory: string) => Transport<Socket>;
  /** The arguments for Go's `net.Listen`. */
  listenAt: (directory: string) => [network: string, address: string];
}

const networks: Network[] = [
  {
    over: 'unix',
    create: (directory) => new UnixSocketTransport({ path: join(directory, 's') }),
    listenAt: (directory) => ['unix', join(directory, 's')],
  },
  { over: 'TCP', create: () => new TCPSocketTransport(), listenAt: () => ['tcp', '127.0.0.1:0'] },
  { over: 'TCP over IPv6', create: () => new TCPSocketTransport({ host: '::1' }), listenAt: () => ['tcp', '[::1]:0'] },
];

// No data at all, a few bytes, and far more than all buffers hold.
const sizes = [0, 5, 16 * 2 ** 20];

for (const { over, create, listenAt } of networks) {
  /** A transport that is closed after the test, and its directory. */
  async function transport(): Promise<{ transport: Transport<Socket>; directory: string }> {
    const directory = await freshDirectory();
    return { transport: closeAfterTest(create(directory)), directory };
  }

  /** Starts a command of the Go program that listens on {@link listenAt}, and connects to it. */
  async function connect(command: string): Promise<{ connection: Socket; lastLine: Promise<string> }> {
    const { transport: client, directory } = await transport();
    const server = startProgram([goPeer, command, ...listenAt(directory)]);
    const [, network = '', address = ''] = await server.printed(/^(.+?)\|(.+?)[|\n]/);
    const connection = await client.connect(fromHandshakeAddress({ network, address }), { allowHalfOpen: true });
    return { connection, lastLine: server.ended.then(({ stdout }) => stdout.trimEnd().split('\n').at(-1) ?? '') };
  }

  describeInterop({ peer: peers.go, role: 'plain client of a listener', over }, () => {
    it.each(sizes)('sends %d bytes, half-closes, and receives them and an answer', async (size) => {
      const { transport: server } = await transport();
      const endpoint = await server.listen({
        allowHalfOpen: true,
        onConnection: (connection) => {
          connection.pipe(connection, { end: false });
          // Answers a turn later, when the connection must still be writable.
          connection.once('end', () => setImmediate(() => connection.end('goodbye')));
        },
      });
      const { network, address } = toHandshakeAddress(endpoint);
      expect(await runGo(['client', network, address, String(size)])).toEqual(['echo, then goodbye']);
    });
  });

  describeInterop({ peer: peers.go, role: 'plain server that a transport dials', over }, () => {
    it.each(sizes)('receives %d bytes and a half-close, and answers both', async (size) => {
      const { connection } = await connect('server');
      const sent = randomBytes(size);
      connection.end(sent);
      const received = await buffer(connection);
      expect(received.subarray(0, size).equals(sent)).toBe(true);
      expect(received.subarray(size).toString()).toBe(`${size} ${hashOf(sent)}`);
    });

    it.each(sizes)('half-closes first, and still receives %d bytes', async (size) => {
      const { connection, lastLine } = await connect('greeter');
      connection.setEncoding('utf8');
      expect(await once(connection, 'data')).toEqual(['hello']);
      await once(connection, 'end');
      const sent = randomBytes(size);
      setImmediate(() => connection.end(sent));
      expect(await lastLine).toBe(`${size} ${hashOf(sent)}`);
    });
  });
}
