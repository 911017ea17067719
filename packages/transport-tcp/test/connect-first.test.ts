import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { anyRejectionOf, freePort, portOf, startProgram, timers, turns } from '@rpcplugin/test-support';
import { connectSocket, Operation } from '@rpcplugin/transport-base';
import { TransportError } from '@rpcplugin/transport-core';
import { describe, expect, it, onTestFinished } from 'vitest';
import { connectFirst } from '../src/happy-eyeballs.js';
import { interleaveFamilies } from '../src/resolve-host.js';
import { plainServer } from './support.js';

type Attempt = (operation: Operation) => Promise<Socket>;

const never = new Operation('test');
const enough = new TransportError('ABORTED', 'enough');
/** Less than 250 ms: a timer counts from the start of the event loop's turn in which it is set, and a turn can be long. */
const STAGGER_MS = 200;

/** An attempt at a port of 127.0.0.1. */
function at(port: number): Attempt {
  return async (operation) => {
    const socket = await connectSocket({ host: '127.0.0.1', port }, { allowHalfOpen: false, operation });
    onTestFinished(() => {
      socket.destroy();
    });
    return socket;
  };
}

/** An attempt that goes on until it is given up, as one whose packets are lost. */
const hanging: Attempt = (operation) =>
  new Promise((_, reject) => {
    operation.onCancel(reject);
  });

/** Tells when an attempt began, and what of. */
function watched(attempt: Attempt): Attempt & { begunAt: number; operation: Operation | undefined } {
  const watching = Object.assign(
    (operation: Operation) => {
      watching.begunAt = performance.now();
      watching.operation = operation;
      return attempt(operation);
    },
    { begunAt: NaN, operation: undefined as Operation | undefined },
  );
  return watching;
}

describe('connectFirst', () => {
  it('begins with the first, and never begins the second when that answers', async () => {
    const server = await plainServer('127.0.0.1');
    const second = watched(hanging);
    const socket = await connectFirst([at(portOf(server)), second], never);
    expect(socket.remotePort).toBe(portOf(server));
    expect(second.begunAt).toBeNaN();
  });

  it('begins the next when one is refused, in order', async () => {
    const server = await plainServer('127.0.0.1');
    const attempts = [watched(at(await freePort())), watched(at(await freePort())), watched(at(portOf(server)))];
    const socket = await connectFirst(attempts, never);
    expect(socket.remotePort).toBe(portOf(server));
    const [first = NaN, second = NaN, third = NaN] = attempts.map(({ begunAt }) => begunAt);
    expect(first).toBeLessThanOrEqual(second);
    expect(second).toBeLessThanOrEqual(third);
  });

  it('begins the next in the turn of the event loop in which one has failed', async () => {
    const operation = new Operation('test');
    const next = watched(hanging);
    const pending = connectFirst([() => Promise.reject(new Error('failed')), next], operation);
    await turns(1);
    expect(next.begunAt).not.toBeNaN();
    operation.cancel(enough);
    await expect(pending).rejects.toBe(enough);
  });

  it('begins the next beside one that has taken 250 ms, and destroys the loser', async () => {
    const server = await plainServer('127.0.0.1');
    const [slow, answering] = [watched(hanging), watched(at(portOf(server)))];
    const socket = await connectFirst([slow, answering], never);
    expect(answering.begunAt - slow.begunAt).toBeGreaterThanOrEqual(STAGGER_MS);
    expect(slow.operation?.failure?.code).toBe('ABORTED');
    expect(socket.destroyed).toBe(false);
  });

  it('leaves 250 ms between each and the next', async () => {
    const server = await plainServer('127.0.0.1');
    const attempts = [watched(hanging), watched(hanging), watched(at(portOf(server)))];
    await connectFirst(attempts, never);
    const [first = NaN, second = NaN, third = NaN] = attempts.map(({ begunAt }) => begunAt);
    expect(second - first).toBeGreaterThanOrEqual(STAGGER_MS);
    expect(third - second).toBeGreaterThanOrEqual(STAGGER_MS);
  });

  it('does not give up a listener that is slow to answer: it wins when the others are refused', async () => {
    const listener = await overrunListener();
    const slow = watched(at(listener.port));
    const refused = watched(async (operation) => {
      try {
        return await at(await freePort())(operation);
      } finally {
        listener.accept();
      }
    });
    // The kernel sends the lost SYN again after 1 s. Node's own autoSelectFamily would have failed by then.
    const socket = await connectFirst([slow, refused], never);
    expect(socket.remotePort).toBe(listener.port);
    expect(refused.begunAt - slow.begunAt).toBeGreaterThanOrEqual(STAGGER_MS);
    expect(socket.destroyed).toBe(false);
  });

  it('destroys the socket of a listener that is slow to answer when another has won', async () => {
    const listener = await overrunListener();
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
      never,
    );
    expect(socket.remotePort).toBe(portOf(server));
    await expect(outcome[0]).rejects.toThrow();
    socket.destroy();
    await expect.poll(tcpSockets).toBeLessThanOrEqual(before);
  });

  it('destroys a socket that connects after another has won', async () => {
    const server = await plainServer('127.0.0.1');
    const won = new AbortController();
    const late: Socket[] = [];
    const heedless: Attempt = async () => {
      await once(won.signal, 'abort');
      const socket = connect(portOf(server), '127.0.0.1');
      await once(socket, 'connect');
      late.push(socket);
      return socket;
    };
    const winner = await connectFirst([heedless, at(portOf(server))], never);
    won.abort();
    await expect.poll(() => late[0]?.destroyed).toBe(true);
    expect(winner.destroyed).toBe(false);
  });

  it('rejects with all errors, in the order in which they came', async () => {
    const ports = [await freePort(), await freePort()];
    const error = await anyRejectionOf(connectFirst(ports.map(at), never));
    expect(error).toBeInstanceOf(AggregateError);
    expect((error as AggregateError).errors).toMatchObject(ports.map((port) => ({ code: 'ECONNREFUSED', port })));
  });

  it('rejects with the one error of a single attempt', async () => {
    const error = await anyRejectionOf(connectFirst([at(await freePort())], never));
    expect((error as AggregateError).errors).toMatchObject([{ code: 'ECONNREFUSED' }]);
  });

  it('rejects with the reason when given up, gives up every attempt and begins no other', async () => {
    const operation = new Operation('test');
    const attempts = [watched(hanging), watched(hanging), watched(hanging)];
    const second = attempts[1];
    const pending = connectFirst(attempts, operation);
    await expect.poll(() => second?.operation).toBeDefined();
    operation.cancel(enough);
    await expect(pending).rejects.toBe(enough);
    expect(attempts.map((attempt) => attempt.operation?.failure)).toEqual([enough, enough, undefined]);
  });

  it('begins nothing of what is given up already', async () => {
    const attempts = [watched(hanging), watched(hanging)];
    const operation = new Operation('test');
    operation.cancel(enough);
    const pending = connectFirst(attempts, operation);
    pending.catch(() => undefined);
    expect(attempts.map((attempt) => attempt.operation)).toEqual([undefined, undefined]);
    await expect(pending).rejects.toBe(enough);
  });

  it('leaves no timer', async () => {
    const server = await plainServer('127.0.0.1');
    const before = timers();
    await connectFirst([at(await freePort()), at(portOf(server))], never);
    await expect.poll(timers).toBeLessThanOrEqual(before);
    await connectFirst([at(await freePort()), at(await freePort())], never).catch(() => undefined);
    await expect.poll(timers).toBeLessThanOrEqual(before);
  });

  it('listens no longer to what has been done', async () => {
    const server = await plainServer('127.0.0.1');
    const operation = new Operation('test');
    const socket = await connectFirst([at(await freePort()), at(portOf(server))], operation);
    operation.cancel(enough);
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
  ])('%j', (addresses, expected) => {
    expect(interleaveFamilies(addresses)).toEqual(expected);
  });
});

/** How many TCP sockets this process has open, connecting ones included. */
function tcpSockets(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap' || name === 'TCPConnectWrap')
    .length;
}

const overrun = `
  import { readSync } from 'node:fs';
  import { createServer } from 'node:net';
  const server = createServer((socket) => socket.on('error', () => {}));
  server.listen({ host: '127.0.0.1', port: 0, backlog: 1 }, () => {
    process.stdout.write(\`\${server.address().port}\\n\`, () => readSync(0, Buffer.alloc(1)));
  });
`;

/** A listener whose queue is full, so that the kernel drops what else comes, until it is told to accept. */
async function overrunListener(): Promise<{ port: number; accept: () => void }> {
  const program = startProgram([process.execPath, '--input-type=module', '-e', overrun]);
  const port = Number((await program.printed(/(\d+)\n/))[1]);
  // Linux queues one more than the backlog says.
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
