import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { text } from 'node:stream/consumers';
import { joinHostPort, normalizeEndpoint } from '@rpcplugin/endpoint-utils';
import {
  closeServer,
  hasIPv6,
  isRoot,
  linkLocalHost,
  otherUser,
  portOf,
  rejectionOf,
  turns,
} from '@rpcplugin/test-support';
import { describe, expect, it, onTestFinished } from 'vitest';
import { plainServer, startChild, transport, withFreePorts } from './support.js';

/** Addresses for documentation (RFC 5737, RFC 3849), which this machine does not have. */
const foreignHosts = ['192.0.2.1', '2001:db8::1'];

describe('listen', () => {
  it('listens on 127.0.0.1 and a port that the system chooses by default', async () => {
    const endpoint = await transport().listen();
    expect(endpoint).toMatch(/^127\.0\.0\.1:[1-9]\d*$/);
    expect(portOf(endpoint)).toBeGreaterThan(1023);
  });

  it('is not reachable through other interfaces by default', async () => {
    const endpoint = await transport().listen();
    const outside = Object.values(networkInterfaces())
      .flatMap((addresses = []) => addresses)
      .find(({ family, internal }) => family === 'IPv4' && !internal);
    // On a machine without a network, another loopback address will do.
    const host = outside?.address ?? '127.0.0.2';
    await expect(once(connect(portOf(endpoint), host), 'connect')).rejects.toThrow(/ECONNREFUSED|EADDRNOTAVAIL/);
  });

  it.runIf(hasIPv6)('returns an IPv6 address in brackets', async () => {
    const endpoint = await transport({ host: '::1' }).listen();
    expect(endpoint).toMatch(/^\[::1\]:[1-9]\d*$/);
    expect((await transport().connect(endpoint)).remoteFamily).toBe('IPv6');
  });

  it.runIf(hasIPv6).each(['0:0:0:0:0:0:0:1', '0000::0001', '::0:1', '::FFFF:127.0.0.1'])(
    'returns the canonical form of host %s',
    async (host) => {
      const endpoint = await transport({ host }).listen();
      expect(endpoint).toBe(normalizeEndpoint(endpoint));
      await transport().connect(endpoint);
    },
  );

  it.runIf(linkLocalHost !== undefined)('keeps the zone of a link-local address', async () => {
    const endpoint = await transport({ host: linkLocalHost }).listen();
    expect(endpoint).toBe(`[${String(linkLocalHost)}]:${portOf(endpoint)}`);
    expect((await transport().connect(endpoint)).remoteFamily).toBe('IPv6');
  });

  it.each(['localhost', 'LocalHost'])('returns the address of the host name %s', async (host) => {
    const endpoint = await transport({ host }).listen();
    expect(endpoint).toMatch(/^(127\.0\.0\.1|\[::1\]):[1-9]\d*$/);
    await transport().connect(endpoint);
  });

  it.each([['0.0.0.0', '127.0.0.1'], ...(hasIPv6 ? [['::', '[::1]']] : [])])(
    'accepts loopback connections when it listens on %s',
    async (host, loopback) => {
      const endpoint = await transport({ host }).listen();
      expect(endpoint).toBe(joinHostPort(host, portOf(endpoint)));
      await transport().connect(endpoint);
      await transport().connect(`${loopback}:${portOf(endpoint)}`);
    },
  );

  it('listens on the requested port', async () => {
    await withFreePorts(1, async (port) => {
      expect(await transport({ port }).listen()).toBe(`127.0.0.1:${port}`);
    });
  });

  it('listens again as soon as a listener with connections has closed', async () => {
    const first = transport();
    const endpoint = await first.listen();
    const peer = await transport().connect(endpoint);
    await first.close();
    expect(await transport({ port: portOf(endpoint) }).listen()).toBe(endpoint);
    peer.destroy();
  });
});

describe('listen on an unavailable address', () => {
  it('rejects a port in use with ADDRESS_IN_USE and leaves its listener alone', async () => {
    const holder = await plainServer('127.0.0.1');
    const port = portOf(holder);
    const error = await rejectionOf(transport({ port }).listen());
    expect(error).toMatchObject({
      code: 'ADDRESS_IN_USE',
      endpoint: `127.0.0.1:${port}`,
      cause: { code: 'EADDRINUSE' },
      hint: expect.stringMatching(/\S/) as string,
    });
    expect(error.message).toContain(`127.0.0.1:${port}`);
    await transport().connect(`127.0.0.1:${port}`);
  });

  it('rejects a port in use on all interfaces with ADDRESS_IN_USE', async () => {
    const holder = await plainServer('0.0.0.0');
    expect((await rejectionOf(transport({ port: portOf(holder) }).listen())).code).toBe('ADDRESS_IN_USE');
  });

  it.each(foreignHosts)('rejects %s, which this machine does not have, with ADDRESS_NOT_AVAILABLE', async (host) => {
    const error = await rejectionOf(transport({ host }).listen());
    expect(error).toMatchObject({
      code: 'ADDRESS_NOT_AVAILABLE',
      hint: expect.stringContaining('127.0.0.1') as string,
    });
    expect(error.message).toContain(host);
  });

  it('tries only one port of a range if this machine does not have the address', async () => {
    const error = await rejectionOf(transport({ host: '192.0.2.1', port: { min: 50_000, max: 50_010 } }).listen());
    expect(error).toMatchObject({ code: 'ADDRESS_NOT_AVAILABLE', endpoint: '192.0.2.1:50000' });
  });

  it('rejects an unknown host name with DNS_FAILURE and names it', async () => {
    const error = await rejectionOf(transport({ host: 'nonexistent.invalid' }).listen());
    expect(error).toMatchObject({ code: 'DNS_FAILURE', hint: expect.stringMatching(/\S/) as string });
    expect(error.message).toContain('nonexistent.invalid');
  });

  it('listens later, once the port is free', async () => {
    const holder = await plainServer('127.0.0.1');
    const port = portOf(holder);
    const listener = transport({ port });
    expect((await rejectionOf(listener.listen())).code).toBe('ADDRESS_IN_USE');
    await closeServer(holder);
    expect(await listener.listen()).toBe(`127.0.0.1:${port}`);
  });

  it.runIf(isRoot)('rejects a privileged port with PERMISSION_DENIED, but skips it in a range', async () => {
    const other = await startChild(otherUser);
    const { error } = await other.ask({ do: 'listen', options: { port: 1 } });
    expect(error).toMatchObject({ code: 'PERMISSION_DENIED', endpoint: '127.0.0.1:1' });
    expect(error?.hint).toMatch(/port/);
    const { result } = await other.ask({ do: 'listen', options: { port: { min: 1020, max: 65_535 } } });
    expect(portOf(String(result))).toBeGreaterThan(1023);
  });
});

describe('listen on a port range', () => {
  it('listens on the first free port', async () => {
    await withFreePorts(3, async (min) => {
      expect(await transport({ port: { min, max: min + 2 } }).listen()).toBe(`127.0.0.1:${min}`);
    });
  });

  it('skips ports in use', async () => {
    await withFreePorts(3, async (min) => {
      await plainServer('127.0.0.1', min);
      await plainServer('127.0.0.1', min + 1);
      expect(await transport({ port: { min, max: min + 2 } }).listen()).toBe(`127.0.0.1:${min + 2}`);
    });
  });

  it('gives each of several concurrent transports its own port', async () => {
    await withFreePorts(4, async (min) => {
      const port = { min, max: min + 3 };
      const endpoints = await Promise.all([1, 2, 3, 4].map(() => transport({ port }).listen()));
      expect(endpoints.map(portOf).sort()).toEqual([min, min + 1, min + 2, min + 3]);
    });
  });

  it('does not leak an event listener for each port that it tries', async () => {
    const warnings: string[] = [];
    const onWarning = (warning: Error): void => {
      warnings.push(warning.name);
    };
    process.on('warning', onWarning);
    onTestFinished(() => void process.off('warning', onWarning));
    await withFreePorts(12, async (min) => {
      for (let port = min; port < min + 11; port++) await plainServer('127.0.0.1', port);
      expect(await transport({ port: { min, max: min + 11 } }).listen()).toBe(`127.0.0.1:${min + 11}`);
    });
    // Node warns about more than ten listeners, in a later turn of the event loop.
    await turns(1);
    expect(warnings).not.toContain('MaxListenersExceededWarning');
  });

  it('rejects with ADDRESS_IN_USE and names the range if every port is in use', async () => {
    await withFreePorts(3, async (min) => {
      for (const port of [min, min + 1, min + 2]) await plainServer('127.0.0.1', port);
      const error = await rejectionOf(transport({ port: { min, max: min + 2 } }).listen());
      expect(error).toMatchObject({
        code: 'ADDRESS_IN_USE',
        message: `no free port on 127.0.0.1 from ${min} to ${min + 2}`,
        cause: { code: 'EADDRINUSE' },
        hint: expect.stringContaining('range') as string,
      });
    });
  });

  it('holds the port that it returns', async () => {
    await withFreePorts(2, async (min) => {
      const endpoint = await transport({ port: { min, max: min + 1 } }).listen();
      await expect(plainServer('127.0.0.1', portOf(endpoint))).rejects.toThrow('EADDRINUSE');
    });
  });

  it('leaves no port of the range bound after close', async () => {
    await withFreePorts(3, async (min) => {
      const holder = await plainServer('127.0.0.1', min);
      const listener = transport({ port: { min, max: min + 2 } });
      await listener.listen();
      await listener.close();
      await closeServer(holder);
      for (const port of [min, min + 1, min + 2]) await plainServer('127.0.0.1', port);
    });
  });

  it('accepts each connection once after skipping a port', async () => {
    await withFreePorts(2, async (min) => {
      await plainServer('127.0.0.1', min);
      const accepted: Socket[] = [];
      const endpoint = await transport({ port: { min, max: min + 1 } }).listen({
        onConnection: (socket) => {
          accepted.push(socket);
          socket.end('hello');
        },
      });
      expect(await text(await transport().connect(endpoint))).toBe('hello');
      expect(accepted).toHaveLength(1);
    });
  });
});

describe.runIf(process.platform === 'linux')('socket options', () => {
  it.each([
    { when: 'by default', options: {}, idle: 30 },
    { when: 'with keepAliveMs: 5999', options: { keepAliveMs: 5999 }, idle: 5 },
  ])('accepted and dialled connections have TCP_NODELAY and keep-alive $when', async ({ options, idle }) => {
    const accepted: Socket[] = [];
    const endpoint = await transport(options).listen({ onConnection: (socket) => void accepted.push(socket) });
    const dialled = await transport(options).connect(endpoint);
    await expect.poll(() => accepted.length, { timeout: 10_000 }).toBe(1);
    for (const socket of [dialled, ...accepted]) {
      // Node sets the last two: the connection fails 10 s after the first question.
      expect(await socketOptions(socket)).toEqual({ noDelay: 1, keepAlive: 1, idle, interval: 1, count: 10 });
    }
    // A plain socket as the control.
    const plain = connect({ host: '127.0.0.1', port: portOf(endpoint) });
    await once(plain, 'connect');
    expect(await socketOptions(plain)).toMatchObject({ noDelay: 0, keepAlive: 0 });
    plain.destroy();
  });
});

const perl = `
  use Socket qw(:DEFAULT IPPROTO_TCP TCP_NODELAY TCP_KEEPIDLE TCP_KEEPINTVL TCP_KEEPCNT);
  open(my $socket, '+<&=3') or die $!;
  print join ' ', map { unpack 'i', getsockopt($socket, $$_[0], $$_[1]) }
    [IPPROTO_TCP, TCP_NODELAY], [SOL_SOCKET, SO_KEEPALIVE],
    map { [IPPROTO_TCP, $_] } TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT;
`;

/** Options of a socket as the kernel has them. Perl inherits the socket and asks. */
async function socketOptions(socket: Socket): Promise<Record<string, number | undefined>> {
  const child = spawn('perl', ['-e', perl], { stdio: ['ignore', 'pipe', 'inherit', socket] });
  const output = child.stdout === null ? '' : await text(child.stdout);
  const [noDelay, keepAlive, idle, interval, count] = output.split(' ').map(Number);
  return { noDelay, keepAlive, idle, interval, count };
}
