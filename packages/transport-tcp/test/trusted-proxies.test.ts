import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { binaryHeader, hasIPv6, linkLocalHost, onDiagnostic, portOf, until } from '@rpcplugin/test-support';
import type { ConnectionInfo, DropMessage } from '@rpcplugin/transport-core';
import { describe, expect, it, onTestFinished } from 'vitest';
import { transport } from './support.js';

const header = binaryHeader({ ip: '192.0.2.1', port: 1 }, { ip: '192.0.2.2', port: 2 });

interface Listening {
  readonly endpoint: string;
  readonly handled: ConnectionInfo[];
  readonly drops: DropMessage[];
}

async function listen(from: string[], host = '127.0.0.1'): Promise<Listening> {
  const listener = transport({ host, proxyProtocol: { from } });
  const handled: ConnectionInfo[] = [];
  const drops: DropMessage[] = [];
  onDiagnostic('drop', listener, (message) => drops.push(message));
  const endpoint = await listener.listen({ onConnection: (_, info) => void handled.push(info) });
  return { endpoint, handled, drops };
}

/** Connects from an address of this machine, and sends a header. */
async function dial({ endpoint }: Listening, localAddress = '127.0.0.1', host = localAddress): Promise<Socket> {
  const socket = connect({ port: portOf(endpoint), host, localAddress });
  onTestFinished(() => void socket.destroy());
  socket.on('error', () => undefined).write(header);
  await once(socket, 'connect');
  return socket;
}

describe('a peer that is not in proxyProtocol.from', () => {
  it.each([['192.0.2.1'], ['127.0.0.2'], ['128.0.0.0/1'], ['::1'], ['127.0.0.2/31', '10.0.0.0/8']])(
    'is closed at once, unread: %s',
    async (...from) => {
      const listening = await listen(from);
      const peer = await dial(listening);
      const { drops, endpoint, handled } = listening;
      await until(() => peer.resume().closed || handled.length > 0);
      expect(drops).toMatchObject([{ endpoint, reason: 'proxyProtocol', error: { code: 'PERMISSION_DENIED' } }]);
      expect(drops[0]?.error?.message).toBe('127.0.0.1 is not one of the proxies');
      expect(drops[0]?.error?.hint).toContain('proxyProtocol.from');
      expect(handled).toEqual([]);
    },
  );

  it('is closed while a proxy of the same machine is served', async () => {
    const listening = await listen(['127.0.0.2']);
    await dial(listening, '127.0.0.1');
    await dial(listening, '127.0.0.2', '127.0.0.1');
    await until(() => listening.handled.length === 1 && listening.drops.length === 1);
    expect(listening.drops[0]?.error?.message).toContain('127.0.0.1');
  });
});

describe('a peer that is in proxyProtocol.from', () => {
  it.each([
    ['127.0.0.1'],
    ['127.0.0.1/32'],
    ['127.1.2.3/8'],
    ['0.0.0.0/0'],
    ['::ffff:127.0.0.1'],
    ['::1', '127.0.0.1'],
  ])('tells the address of the client: %s', async (...from) => {
    const listening = await listen(from);
    await dial(listening);
    await until(() => listening.handled.length === 1);
    expect(listening.handled[0]?.client).toBe('192.0.2.1:1');
  });

  it.runIf(hasIPv6)('can connect over IPv6', async () => {
    const listening = await listen(['::/127'], '::1');
    await dial(listening, '::1');
    await until(() => listening.handled.length === 1);
  });

  it.runIf(hasIPv6).each([['127.0.0.1'], ['127.0.0.0/8'], ['::ffff:127.0.0.0/104']])(
    'can connect over IPv4 to a listener on ::, %s',
    async (proxy) => {
      const listening = await listen([proxy], '::');
      await dial(listening, '127.0.0.1');
      await until(() => listening.handled.length === 1);
    },
  );

  it.runIf(linkLocalHost !== undefined)('can connect from a link-local address', async () => {
    const listening = await listen(['fe80::/10'], '::');
    await dial(listening, linkLocalHost);
    await until(() => listening.handled.length === 1);
  });
});
