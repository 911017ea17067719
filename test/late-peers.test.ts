import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, NetConnectOpts } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { joinHostPort } from '@rpcplugin/endpoint-utils';
import { makeDirectory, removeDirectory, turns } from '@rpcplugin/test-support';
import type { Transport } from '@rpcplugin/transport-core';
import { TCPSocketTransport } from '@rpcplugin/transport-tcp';
import { UnixSocketTransport } from '@rpcplugin/transport-unix';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const LONG_MS = 60_000;
const ROUNDS = 15;

function median(values: number[]): number {
  return [...values].sort((one, other) => one - other)[Math.floor(values.length / 2)] ?? NaN;
}

/** How long connects took after their listener appeared, in milliseconds. */
interface Delays {
  readonly transport: number;
  /** By plain attempts every 2 ms in this process. On a busy machine they are as late as the transport. */
  readonly plain: number;
}

/** Starts plain listeners that connects wait for, and returns the medians of some rounds. */
async function delaysOfAppearing(
  dialer: Transport,
  place: (round: number) => Promise<{ endpoint: string; address: NetConnectOpts }>,
): Promise<Delays> {
  const delays: Delays[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const { endpoint, address } = await place(round);
    const connecting = dialer.connect(endpoint, { waitMs: LONG_MS, timeoutMs: LONG_MS }).then(() => performance.now());
    const attempting = plainAttempts(address).then(() => performance.now());
    // Some time into the wait, at a different moment each round.
    await turns(20 + 3 * round);
    const server = createServer((connection) => connection.end()).listen(address);
    await once(server, 'listening');
    const appeared = performance.now();
    delays.push({ transport: (await connecting) - appeared, plain: (await attempting) - appeared });
    server.close();
    await once(server, 'close');
  }
  return { transport: median(delays.map((each) => each.transport)), plain: median(delays.map((each) => each.plain)) };
}

async function plainAttempts(address: NetConnectOpts): Promise<void> {
  for (;;) {
    const socket = connect(address);
    const connected = await once(socket, 'connect').then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (connected) return;
    await sleep(2);
  }
}

describe('waiting for an endpoint that appears later', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await makeDirectory();
  });
  afterEach(() => removeDirectory(directory));

  // Twice the limit of an idle machine, and more on a busy one.
  it('ends within 5 ms over unix', async () => {
    await using dialer = new UnixSocketTransport();
    const delays = await delaysOfAppearing(dialer, (round) => {
      const path = join(directory, `${round}.sock`);
      return Promise.resolve({ endpoint: `unix:${path}`, address: { path } });
    });
    expect(delays.transport).toBeLessThan(2 * 5 + 3 * delays.plain);
  });

  it('ends within 10 ms over TCP', async () => {
    await using dialer = new TCPSocketTransport();
    const delays = await delaysOfAppearing(dialer, async () => {
      const port = await freePort();
      return { endpoint: joinHostPort('127.0.0.1', port), address: { host: '127.0.0.1', port } };
    });
    expect(delays.transport).toBeLessThan(2 * 10 + 3 * delays.plain);
  });

  it('takes less than half the processor time of repeated attempts over unix', async () => {
    const path = join(directory, 'absent.sock');
    await using dialer = new UnixSocketTransport();
    const wait = (): Promise<unknown> => dialer.connect(path, { waitMs: 500 }).catch(() => undefined);
    // As many as it could make in that time, with 2 ms between them. A busy machine does not get to as many.
    const attempt = async (): Promise<void> => {
      for (let attempts = 0; attempts < 250; attempts++) {
        await new Promise((resolve) => connect(path).on('error', resolve));
        await sleep(2);
      }
    };
    // Of each, the one that the rest of this process, such as its garbage collection, disturbed least.
    const [waits, attempts]: [number[], number[]] = [[], []];
    for (let round = 0; round < 3; round++) {
      waits.push(await cpuTimeOf(wait));
      attempts.push(await cpuTimeOf(attempt));
    }
    const [waiting, attempting] = [Math.min(...waits), Math.min(...attempts)];
    expect(waiting).toBeLessThan(attempting / 2);
  });

  // TCP has no event for a new listener, so attempts are as rare as the time limit allows.
  it('attempts to connect at most every 8 ms over TCP', async () => {
    await using dialer = new TCPSocketTransport();
    const port = await freePort();
    let attempts = 0;
    const onAttempt = (): void => {
      attempts += 1;
    };
    subscribe('net.client.socket', onAttempt);
    try {
      await dialer.connect(joinHostPort('127.0.0.1', port), { waitMs: 400 }).catch(() => undefined);
    } finally {
      unsubscribe('net.client.socket', onAttempt);
    }
    // A timer can be a millisecond early.
    expect(attempts).toBeLessThanOrEqual(1 + 400 / 7);
  });
});

/** The processor time that this process uses during an action, in milliseconds. */
async function cpuTimeOf(action: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage();
  await action();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
