import { once } from 'node:events';
import { codeOf, settlesWithin, turns, until } from '@rpcplugin/test-support';
import { expect, it, onTestFinished, vi } from 'vitest';
import { connectGrpcTarget } from '../src/index.js';
import { call, Probe } from './service.js';
import { connected, connectTo, insecure, plainConnection, plainServer, startPlugin } from './support.js';

/** Stops the clock. */
function mockTimers(): void {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  onTestFinished(() => void vi.useRealTimers());
}

interface Limit {
  readonly ms: number;
  /** Begins with the clock stopped, and returns what settles when the time is over. */
  readonly begin: () => Promise<{ over: Promise<unknown> }>;
}

/** How long each may take by default. */
const limits: Record<string, Limit> = {
  'a connection may take 10 s to begin HTTP/2': {
    ms: 10_000,
    begin: async () => {
      const { accepted, endpoint } = await startPlugin('unix');
      mockTimers();
      await plainConnection(endpoint);
      await until(() => accepted.length === 1);
      return { over: Promise.all(accepted.map((socket) => once(socket, 'close'))) };
    },
  },
  'connectGrpc may take 5 s': {
    ms: 5000,
    begin: async () => {
      const { endpoint, sockets } = await plainServer('unix');
      mockTimers();
      const over = codeOf(connectTo(endpoint, insecure));
      await until(() => sockets.length === 1);
      return { over };
    },
  },
  'connectGrpcTarget may take 5 s': {
    ms: 5000,
    begin: async () => {
      const { endpoint, sockets } = await plainServer('tcp');
      mockTimers();
      const over = codeOf(connectGrpcTarget(`ipv4:${endpoint}`, insecure));
      await until(() => sockets.length === 1);
      return { over };
    },
  },
  'a call may take 1 s when its connection closes': {
    ms: 1000,
    begin: async () => {
      const { endpoint, probe } = await startPlugin('unix');
      const connection = await connected(endpoint);
      const arrived = probe.nextHanging();
      void codeOf(call(connection.client(Probe), 'hang'));
      await arrived;
      mockTimers();
      return { over: connection.close() };
    },
  },
  'a call may take 1 s when its listener closes': {
    ms: 1000,
    begin: async () => {
      const { endpoint, listener, probe } = await startPlugin('unix');
      const connection = await connected(endpoint);
      const arrived = probe.nextHanging();
      void codeOf(call(connection.client(Probe), 'hang'));
      await arrived;
      mockTimers();
      return { over: listener.close() };
    },
  },
};

it.each(Object.entries(limits))('by default, %s', async (_, { ms, begin }) => {
  const { over } = await begin();
  await turns(20);
  vi.advanceTimersByTime(ms - 1);
  const isEarly = await settlesWithin(20, over);
  vi.advanceTimersByTime(1);
  await turns(20);
  // A cut-off has a time limit of its own.
  vi.advanceTimersByTime(100);
  const isOver = await settlesWithin(4000, over);
  // What closes after the test has time limits, too.
  vi.useRealTimers();
  expect({ isEarly, isOver }).toEqual({ isEarly: false, isOver: true });
});
