import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { anyRejectionOf, freePort, portOf, settlesWithin, startProgram, timers, turns } from '@rpcplugin/test-support';
import { connectSocket, Operation } from '@rpcplugin/transport-base';
import { TransportError } from '@rpcplugin/transport-core';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { connectFirst } from '../src/happy-eyeballs.js';
import { interleaveFamilies } from '../src/resolve-host.js';
import { plainServer } from './support.js';

type Attempt = (operation: Operation) => Promise<Socket>;

const neverCancelled = new Operation('test');
const aborted = new TransportError('ABORTED', 'aborted by the test');
/** Less than 250 ms: a timer counts from the start of its turn of the event loop, which can be long. */
const STAGGER_MS = 200;
/** More than 250 ms, on the timers of this process, which a busy machine delays as well. */
const LATE_MS = 500;
const eventually = { timeout: 10_000 };

/** Connects to a port of 127.0.0.1. */
function at(port: number): Attempt {
  return async (operation) => {
    const socket = await connectSocket({ host: '127.0.0.1', port }, { allowHalfOpen: false, operation });
    onTestFinished(() => {
      socket.destroy();
    });
    return socket;
  };
}

/** Runs until it is cancelled, like an attempt whose packets are lost. */
const hanging: Attempt = (operation) =>
  new Promise((_, reject) => {
    operation.onCancel(reject);
  });

/** Records when an attempt starts, and its operation. */
function watched(attempt: Attempt): Attempt & { startedAt: number; operation: Operation | undefined } {
  const watching = Object.assign(
    (operation: Operation) => {
      watching.startedAt = performance.now();
      watching.operation = operation;
      return attempt(operation);
    },
    { startedAt: NaN, operation: undefined as Operation | undefined },
  );
  return watching;
}

describe('connectFirst', () => {
  it('does not start the second attempt when the first succeeds', async () => {
    const server = await plainServer('127.0.0.1');
    const second = watched(hanging);
    const socket = await connectFirst([at(portOf(server)), second], neverCancelled);
    expect(socket.remotePort).toBe(portOf(server));
    expect(second.startedAt).toBeNaN();
  });

  it('starts the next attempt although a test mocks the timers of the process', async () => {
    const server = await plainServer('127.0.0.1');
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const connecting = connectFirst([hanging, at(portOf(server))], neverCancelled);
    expect(await settlesWithin(4000, connecting)).toBe(true);
    expect((await connecting).remotePort).toBe(portOf(server));
  });

  it('starts the next attempt in order when one is refused', async () => {
    const server = await plainServer('127.0.0.1');
    const attempts = [watched(at(await freePort())), watched(at(await freePort())), watched(at(portOf(server)))];
    const socket = await connectFirst(attempts, neverCancelled);
    expect(socket.remotePort).toBe(portOf(server));
    const [first = NaN, second = NaN, third = NaN] = attempts.map(({ startedAt }) => startedAt);
    expect(first).toBeLessThanOrEqual(second);
    expect(second).toBeLessThanOrEqual(third);
  });

  it('starts the next attempt in the same turn of the event loop when one fails', async () => {
    const operation = new Operation('test');
    const next = watched(hanging);
    const pending = connectFirst([() => Promise.reject(new Error('failed')), next], operation);
    await turns(1);
    expect(next.startedAt).not.toBeNaN();
    operation.cancel(aborted);
    await expect(pending).rejects.toBe(aborted);
  });

  it('starts the next attempt after 250 ms and cancels the loser', async () => {
    const server = await plainServer('127.0.0.1');
    const [slow, answering] = [watched(hanging), watched(at(portOf(server)))];
    const connecting = connectFirst([slow, answering], neverCancelled);
    expect(await settlesWithin(LATE_MS, connecting)).toBe(true);
    const socket = await connecting;
    expect(answering.startedAt - slow.startedAt).toBeGreaterThanOrEqual(STAGGER_MS);
    expect(slow.operation?.failure?.code).toBe('ABORTED');
    expect(socket.destroyed).toBe(false);
  });

  it('starts attempts 250 ms apart', async () => {
    const server = await plainServer('127.0.0.1');
    const attempts = [watched(hanging), watched(hanging), watched(at(portOf(server)))];
    await connectFirst(attempts, neverCancelled);
    const [first = NaN, second = NaN, third = NaN] = attempts.map(({ startedAt }) => startedAt);
    expect(second - first).toBeGreaterThanOrEqual(STAGGER_MS);
    expect(third - second).toBeGreaterThanOrEqual(STAGGER_MS);
  });

  it('connects to a slow listener when the other attempts are refused', async () => {
    const listener = await busyListener();
    const slow = watched(at(listener.port));
    const refused = watched(async (operation) => {
      try {
        return await at(await freePort())(operation);
      } finally {
        listener.accept();
      }
    });
    // The kernel resends the lost SYN after 1 s. Node's autoSelectFamily would have failed by then.
    const socket = await connectFirst([slow, refused], neverCancelled);
    expect(socket.remotePort).toBe(listener.port);
    expect(refused.startedAt - slow.startedAt).toBeGreaterThanOrEqual(STAGGER_MS);
    expect(socket.destroyed).toBe(false);
  });

  it('destroys the socket of a slow attempt when another succeeds', async () => {
    const listener = await busyListener();
    const server = await plainServer('127.0.0.1');
    const before = tcpSockets();
    const slow = watched(at(listener.port));
    const outcome: Promise<unknown>[] = [];
    const socket = await connectFirst(
      [
        (operation) => {
          const attempt = slow(operation);
          outcome.push(attempt);
          return attempt;
        },
        at(portOf(server)),
      ],
      neverCancelled,
    );
    expect(socket.remotePort).toBe(portOf(server));
    await expect(outcome[0]).rejects.toThrow();
    socket.destroy();
    await expect.poll(tcpSockets, eventually).toBeLessThanOrEqual(before);
  });

  it('destroys a socket that connects after another attempt has succeeded', async () => {
    const server = await plainServer('127.0.0.1');
    const won = new AbortController();
    const late: Socket[] = [];
    const ignoresCancellation: Attempt = async () => {
      await once(won.signal, 'abort');
      const socket = connect(portOf(server), '127.0.0.1');
      await once(socket, 'connect');
      late.push(socket);
      return socket;
    };
    const winner = await connectFirst([ignoresCancellation, at(portOf(server))], neverCancelled);
    won.abort();
    await expect.poll(() => late[0]?.destroyed, eventually).toBe(true);
    expect(winner.destroyed).toBe(false);
  });

  it('rejects with all errors in the order in which they occurred', async () => {
    const ports = [await freePort(), await freePort()];
    const error = await anyRejectionOf(connectFirst(ports.map(at), neverCancelled));
    expect(error).toBeInstanceOf(AggregateError);
    expect((error as AggregateError).errors).toMatchObject(ports.map((port) => ({ code: 'ECONNREFUSED', port })));
  });

  it('rejects with an AggregateError for a single attempt, too', async () => {
    const error = await anyRejectionOf(connectFirst([at(await freePort())], neverCancelled));
    expect((error as AggregateError).errors).toMatchObject([{ code: 'ECONNREFUSED' }]);
  });

  it('rejects with the reason when cancelled, cancels the running attempts and starts no more', async () => {
    const operation = new Operation('test');
    const attempts = [watched(hanging), watched(hanging), watched(hanging)];
    const second = attempts[1];
    const pending = connectFirst(attempts, operation);
    await expect.poll(() => second?.operation, eventually).toBeDefined();
    operation.cancel(aborted);
    await expect(pending).rejects.toBe(aborted);
    expect(attempts.map((attempt) => attempt.operation?.failure)).toEqual([aborted, aborted, undefined]);
  });

  it('starts no attempt if the operation is already cancelled', async () => {
    const attempts = [watched(hanging), watched(hanging)];
    const operation = new Operation('test');
    operation.cancel(aborted);
    const pending = connectFirst(attempts, operation);
    pending.catch(() => undefined);
    expect(attempts.map((attempt) => attempt.operation)).toEqual([undefined, undefined]);
    await expect(pending).rejects.toBe(aborted);
  });

  it('leaves no timer behind', async () => {
    const server = await plainServer('127.0.0.1');
    const before = timers();
    await connectFirst([at(await freePort()), at(portOf(server))], neverCancelled);
    await expect.poll(timers, eventually).toBeLessThanOrEqual(before);
    await connectFirst([at(await freePort()), at(await freePort())], neverCancelled).catch(() => undefined);
    await expect.poll(timers, eventually).toBeLessThanOrEqual(before);
  });

  it('ignores a cancellation after it has connected', async () => {
    const server = await plainServer('127.0.0.1');
    const operation = new Operation('test');
    const socket = await connectFirst([at(await freePort()), at(portOf(server))], operation);
    operation.cancel(aborted);
    await turns(1);
    expect(socket.destroyed).toBe(false);
  });
});

describe('interleaveFamilies', () => {
  const four = (n: number) => ({ address: `127.0.0.${n}`, family: 4 });
  const six = (n: number) => ({ address: `fd00::${n}`, family: 6 });

  it.each([
    [[], []],
    [[four(1)], [four(1)]],
    [
      [four(1), four(2), six(1), six(2)],
      [four(1), six(1), four(2), six(2)],
    ],
    [
      [six(1), six(2), six(3), four(1)],
      [six(1), four(1), six(2), six(3)],
    ],
    [
      [four(1), six(1), six(2), six(3)],
      [four(1), six(1), six(2), six(3)],
    ],
  ])('interleaves %j', (addresses, expected) => {
    expect(interleaveFamilies(addresses)).toEqual(expected);
  });
});

/** The number of open TCP sockets of this process, including connecting ones. */
function tcpSockets(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap' || name === 'TCPConnectWrap')
    .length;
}

const busyListenerCode = `
  import { readSync } from 'node:fs';
  import { createServer } from 'node:net';
  const server = createServer((socket) => socket.on('error', () => {}));
  server.listen({ host: '127.0.0.1', port: 0, backlog: 1 }, () => {
    process.stdout.write(\`\${server.address().port}\\n\`, () => readSync(0, Buffer.alloc(1)));
  });
`;

/** A listener with a full accept queue: the kernel drops further SYNs until `accept` is called. */
async function busyListener(): Promise<{ port: number; accept: () => void }> {
  const program = startProgram([process.execPath, '--input-type=module', '-e', busyListenerCode]);
  const port = Number((await program.printed(/(\d+)\n/))[1]);
  // Linux queues one connection more than the backlog.
  for (let queued = 0; queued < 2; queued++) {
    const socket = connect(port, '127.0.0.1').on('error', () => undefined);
    onTestFinished(() => {
      socket.destroy();
    });
    await once(socket, 'connect');
  }
  return {
    port,
    accept: () => {
      program.process.stdin.write('.');
    },
  };
}
