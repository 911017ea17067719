import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { mock } from 'node:test';
import {
  closeAfterTest,
  codeOf,
  freePort,
  freshDirectory,
  settlesWithin,
  staleSocketAt,
} from '@rpcplugin/test-support';
import type { Transport } from '@rpcplugin/transport-core';
import { TCPSocketTransport } from '@rpcplugin/transport-tcp';
import { MemoryTransport } from '@rpcplugin/transport-testkit';
import { UnixSocketTransport } from '@rpcplugin/transport-unix';
import { describe, expect, it, onTestFinished, vi } from 'vitest';

/** Mocks every timer of the process for a test, until its transports close. Returns a function that lets time pass. */
const mocks: Record<string, () => (ms: number) => void> = {
  'node:test': () => {
    const now = Date.now();
    mock.timers.enable();
    mock.timers.setTime(now);
    onTestFinished(() => {
      mock.timers.reset();
    });
    return (ms) => {
      mock.timers.tick(ms);
    };
  },
  // It mocks the clock of `performance` as well.
  vitest: () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    return (ms) => vi.advanceTimersByTime(ms);
  },
};

const transports: Record<string, { create: () => Transport; absent: () => Promise<string>; code: string }> = {
  unix: {
    create: () => new UnixSocketTransport(),
    absent: async () => `unix:${join(await freshDirectory(), 's')}`,
    code: 'NOT_FOUND',
  },
  'unix, a stale socket': {
    create: () => new UnixSocketTransport(),
    absent: async () => {
      const path = join(await freshDirectory(), 's');
      await staleSocketAt(path);
      return `unix:${path}`;
    },
    code: 'CONNECTION_REFUSED',
  },
  tcp: {
    create: () => new TCPSocketTransport(),
    absent: async () => `127.0.0.1:${await freePort()}`,
    code: 'CONNECTION_REFUSED',
  },
  memory: { create: () => new MemoryTransport(), absent: () => Promise.resolve('memory:nobody'), code: 'NOT_FOUND' },
};

describe.each(Object.entries(mocks))('with the timers of %s', (_, enable) => {
  describe.each(Object.entries(transports))('%s', (_network, { create, absent, code }) => {
    it('rejects a connect to nobody after waitMs of real time', async () => {
      const [endpoint, dialer] = [await absent(), closeAfterTest(create())];
      // A socket that is older than a second is retried less often.
      enable()(2000);
      const connecting = codeOf(dialer.connect(endpoint, { waitMs: 50 }));
      expect(await settlesWithin(4000, connecting)).toBe(true);
      expect(await connecting).toBe(code);
    });

    it('rejects with TIMEOUT when timeoutMs have passed on the mocked clock', async () => {
      const [endpoint, dialer] = [await absent(), closeAfterTest(create())];
      const pass = enable();
      const connecting = codeOf(dialer.connect(endpoint, { waitMs: Infinity }));
      expect(await settlesWithin(20, connecting)).toBe(false);
      pass(4999);
      expect(await settlesWithin(20, connecting)).toBe(false);
      pass(1);
      expect(await settlesWithin(4000, connecting)).toBe(true);
      expect(await connecting).toBe('TIMEOUT');
    });

    it('destroys a connection that is open when graceMs have passed on the mocked clock', async () => {
      const [listener, dialer] = [closeAfterTest(create()), closeAfterTest(create())];
      const connection = await dialer.connect(await listener.listen(), { allowHalfOpen: true });
      // It does not end its side.
      connection.resume();
      const pass = enable();
      const closing = listener.close();
      expect(await settlesWithin(20, closing)).toBe(false);
      pass(4999);
      expect(await settlesWithin(20, closing)).toBe(false);
      pass(1);
      expect(await settlesWithin(4000, closing)).toBe(true);
    });

    it('listens, connects, carries data and closes', async () => {
      const [listener, dialer] = [closeAfterTest(create()), closeAfterTest(create())];
      enable();
      const endpoint = await listener.listen({ onConnection: (connection) => connection.end('hello') });
      const received = dialer.connect(endpoint).then((connection) => text(connection));
      expect(await settlesWithin(4000, received)).toBe(true);
      expect(await received).toBe('hello');
      await Promise.all([dialer.close(), listener.close()]);
    });
  });
});
