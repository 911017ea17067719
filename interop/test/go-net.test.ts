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
  /** Gets a directory of its own. */
  create: (directory: string) => Transport<Socket>;
  /** What Go's `net.Listen` takes. */
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

// An end without any data, a few bytes, and far more than all buffers hold.
const sizes = [0, 5, 64 * 2 ** 20];

for (const { over, create, listenAt } of networks) {
  /** A transport that is closed when the test is over. */
  async function transport(): Promise<{ transport: Transport<Socket>; directory: string }> {
    const directory = await freshDirectory();
    return { transport: closeAfterTest(create(directory)), directory };
  }

  /** A command of Go that listens where {@link listenAt} says, and a connection to it. */
  async function connect(command: string): Promise<{ connection: Socket; lastLine: Promise<string> }> {
    const { transport: client, directory } = await transport();
    const server = startProgram([goPeer, command, ...listenAt(directory)]);
    const [, network = '', address = ''] = await server.printed(/^(.+?)\|(.+?)[|\n]/);
    const connection = await client.connect(fromHandshakeAddress({ network, address }), { allowHalfOpen: true });
    return { connection, lastLine: server.ended.then(({ stdout }) => stdout.trimEnd().split('\n').at(-1) ?? '') };
  }

  describeInterop({ peer: peers.go, role: 'plain client of a listener', over }, () => {
    it.each(sizes)('sends %d bytes, ends its direction, and gets them and an answer to its end', async (size) => {
      const { transport: server } = await transport();
      const endpoint = await server.listen({
        allowHalfOpen: true,
        onConnection: (connection) => {
          connection.pipe(connection, { end: false });
          // An answer that takes its time: the connection has to stay writable.
          connection.once('end', () => setImmediate(() => connection.end('goodbye')));
        },
      });
      const { network, address } = toHandshakeAddress(endpoint);
      expect(await runGo(['client', network, address, String(size)])).toEqual(['echo, then goodbye']);
    });
  });

  describeInterop({ peer: peers.go, role: 'plain server of a connection', over }, () => {
    it.each(sizes)('gets %d bytes and the end of their direction, and answers both', async (size) => {
      const { connection } = await connect('server');
      const sent = randomBytes(size);
      connection.end(sent);
      const received = await buffer(connection);
      expect(received.subarray(0, size).equals(sent)).toBe(true);
      expect(received.subarray(size).toString()).toBe(`${size} ${hashOf(sent)}`);
    });

    it.each(sizes)('ends its direction first, and gets %d bytes that are sent after that', async (size) => {
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
