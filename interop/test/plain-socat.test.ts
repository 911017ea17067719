import { EventEmitter, once } from 'node:events';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { parseEndpoint } from '@rpcplugin/endpoint-utils';
import { freshDirectory, spawnProgram } from '@rpcplugin/test-support';
import { describe, expect, it, vi } from 'vitest';
import { describeInterop } from '../src/describe-interop.js';
import { peers } from '../src/peers.js';
import { hashOf, hashOfStream, largeData } from './large.js';
import { networks } from './networks.js';
import type { Network } from './networks.js';

/** socat between its standard streams and a connection, and our end of that connection. */
interface Joined {
  readonly socat: ChildProcessWithoutNullStreams;
  readonly connection: Socket;
}

// -d -d makes socat log its address. -t is how many seconds one direction may outlive the other.
const OPTIONS = ['-d', '-d', '-t', '60', '-b', '65536'];

async function connects({ transport }: Network): Promise<Joined> {
  const listener = await transport();
  const events = new EventEmitter();
  const accepted = once(events, 'accepted') as Promise<[Socket]>;
  const endpoint = await listener.listen({
    allowHalfOpen: true,
    onConnection: (connection) => void events.emit('accepted', connection),
  });
  const parts = parseEndpoint(endpoint);
  const address = parts.network === 'unix' ? `UNIX-CONNECT:${parts.path}` : `TCP:${endpoint}`;
  const socat = spawnProgram(['socat', ...OPTIONS, '-', address]);
  const [connection] = await accepted;
  return { socat, connection };
}

async function listens({ over, transport }: Network): Promise<Joined> {
  const path = join(await freshDirectory(), 's');
  const socat = spawnProgram(['socat', ...OPTIONS, '-', listenAddress(over, path)]);
  const endpoint = over === 'unix' ? `unix:${path}` : await tcpEndpoint(socat, over);
  const connection = await (await transport()).connect(endpoint, { allowHalfOpen: true });
  return { socat, connection };
}

function listenAddress(over: string, path: string): string {
  switch (over) {
    case 'unix':
      return `UNIX-LISTEN:${path}`;
    case 'TCP':
      return 'TCP-LISTEN:0,bind=127.0.0.1';
    default:
      return 'TCP6-LISTEN:0,bind=[::1]';
  }
}

async function tcpEndpoint(socat: ChildProcessWithoutNullStreams, over: string): Promise<string> {
  let log = '';
  socat.stderr.setEncoding('utf8').on('data', (chunk: string) => (log += chunk));
  const port = await vi.waitUntil(() => /listening on .*:(\d+)\n/.exec(log)?.[1], { timeout: 10_000, interval: 1 });
  return over === 'TCP' ? `127.0.0.1:${port}` : `[::1]:${port}`;
}

const roles = [
  { role: 'plain client of a listener', join: connects },
  { role: 'plain server that a transport dials', join: listens },
];

describe.each(networks)('over $over', (network) => {
  describe.each(roles)('as $role', ({ role, join: joined }) => {
    describeInterop({ peer: peers.socat, role, over: network.over }, () => {
      it.runIf(network.available)('exchanges 16 MB both ways at once', async () => {
        const { socat, connection } = await joined(network);
        const data = largeData();
        connection.pipe(connection);
        socat.stdin.end(data);
        const exited = once(socat, 'exit');
        expect(await hashOfStream(socat.stdout)).toBe(hashOf(data));
        expect(await exited).toEqual([0, null]);
      });

      it.runIf(network.available)('receives 16 MB after its half-close', async () => {
        const { socat, connection } = await joined(network);
        const data = largeData();
        socat.stdin.end('question');
        expect(await hashOfStream(connection)).toBe(hashOf(Buffer.from('question')));
        const exited = once(socat, 'exit');
        connection.end(data);
        expect(await hashOfStream(socat.stdout)).toBe(hashOf(data));
        expect(await exited).toEqual([0, null]);
      });

      it.runIf(network.available)('sends 16 MB after the half-close of the other end', async () => {
        const { socat, connection } = await joined(network);
        const data = largeData();
        connection.end('that is all');
        expect(String((await once(socat.stdout, 'data'))[0])).toBe('that is all');
        const exited = once(socat, 'exit');
        socat.stdin.end(data);
        expect(await hashOfStream(connection)).toBe(hashOf(data));
        expect(await exited).toEqual([0, null]);
      });
    });
  });
});
