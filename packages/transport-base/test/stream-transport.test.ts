import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { Server } from 'node:net';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { rejectionOf, settlesWithin, thrownBy } from '@rpcplugin/test-support';
import { TransportError } from '@rpcplugin/transport-core';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { StreamTransport } from '../src/index.js';
import type { Dialer, ListenContext, Listener } from '../src/index.js';
import { PipeTransport } from './pipe-transport.js';
import { dial, freshPath } from './support.js';

/** Closes a transport after the test, even one whose close fails. */
function closedAfterwards<T extends StreamTransport>(transport: T): T {
  onTestFinished(() => transport.close({ graceMs: 0 }).catch(() => undefined));
  return transport;
}

async function pipe(): Promise<PipeTransport> {
  return closedAfterwards(new PipeTransport(await freshPath()));
}

/** Runs the garbage collector, which Node hides. */
function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc()');
}

const echo: (connection: Socket) => void = (connection) => connection.pipe(connection);

/** A transport that runs these steps once its server listens and when it stops. */
class Scripted extends PipeTransport {
  readonly steps: { opened?: () => Promise<void>; undo?: () => Promise<void> };
  undone = 0;

  constructor(path: string, steps: Scripted['steps']) {
    super(path);
    this.steps = steps;
  }

  protected override async open(context: ListenContext): Promise<string> {
    const endpoint = await super.open(context);
    context.defer(async () => {
      this.undone++;
      await this.steps.undo?.();
    });
    await this.steps.opened?.();
    return endpoint;
  }
}

describe('a third-party socket transport', () => {
  it('listens and connects', async () => {
    const endpoint = await (await pipe()).listen({ onConnection: echo });
    const connection = await (await pipe()).connect(endpoint);
    connection.end('hello');
    expect((await buffer(connection)).toString()).toBe('hello');
  });

  it('has the network of its constructor', async () => {
    expect((await pipe()).network).toBe('pipe');
  });

  it('releases its address on close', async () => {
    const transport = await pipe();
    await transport.listen();
    await transport.close();
    expect(existsSync(transport.path)).toBe(false);
  });

  it('ends its connections on close', async () => {
    const transport = await pipe();
    await transport.listen({ onConnection: echo });
    const peer = await dial(transport.path);
    const ended = once(peer.resume(), 'close');
    await transport.close();
    expect(await settlesWithin(4000, ended)).toBe(true);
  });

  it('rejects with a code and a hint for a system error', async () => {
    const transport = await pipe();
    expect(await rejectionOf(transport.connect('pipe:/nowhere'))).toMatchObject({
      code: 'NOT_FOUND',
      endpoint: 'pipe:/nowhere',
      hint: expect.stringContaining('plugin') as string,
      cause: { code: 'ENOENT' },
    });
  });

  it('rejects with the error that its dialer throws', async () => {
    expect((await rejectionOf((await pipe()).connect('tcp:1'))).code).toBe('INVALID_ENDPOINT');
  });

  it('names the operation and the endpoint in its errors', async () => {
    const transport = closedAfterwards(new PipeTransport('/nowhere/s'));
    expect((await rejectionOf(transport.connect('pipe:/nowhere/s'))).message).toMatch(
      /^connect to pipe:\/nowhere\/s: /,
    );
    const error = await rejectionOf(transport.listen());
    expect(error.message).toMatch(/^listen on pipe:\/nowhere\/s: /);
    expect(error.hint).toMatch(/directory/);
  });

  it('tries only once by default if its dialer does not say how long to wait', async () => {
    let attempts = 0;
    class Counting extends PipeTransport {
      protected override dialer(endpoint: string): Dialer {
        const dialer = super.dialer(endpoint);
        const attempt: typeof dialer.attempt = (context) => {
          attempts++;
          return dialer.attempt(context);
        };
        return { ...dialer, attempt };
      }
    }
    await rejectionOf(closedAfterwards(new Counting(await freshPath())).connect('pipe:/nowhere'));
    expect(attempts).toBe(1);
  });

  it('listens again after stopListening', async () => {
    const transport = await pipe();
    const endpoint = await transport.listen();
    await transport.stopListening();
    expect(await transport.listen()).toBe(endpoint);
  });

  it('listens again after a failed listen', async () => {
    const holder = await pipe();
    await holder.listen();
    const transport = closedAfterwards(new PipeTransport(holder.path));
    await rejectionOf(transport.listen());
    await holder.close();
    await expect(transport.listen()).resolves.toBe(`pipe:${transport.path}`);
  });
});

describe('socket transport options', () => {
  it.each([0, -1, 1.5, 65_536, NaN, '5'])('rejects a backlog of %s', (backlog) => {
    expect(thrownBy(() => new PipeTransport('x', { backlog: backlog as never })).code).toBe('INVALID_ARGUMENT');
  });

  it.each([0, -1, 1.5, Infinity, '5'])('rejects maxConnections of %s', (maxConnections) => {
    const error = thrownBy(() => new PipeTransport('x', { maxConnections: maxConnections as never }));
    expect(error.code).toBe('INVALID_ARGUMENT');
  });

  it.runIf(process.platform === 'linux')('makes the kernel queue as many connections as backlog allows', async () => {
    for (const { backlog, held } of [
      // Linux queues one more.
      { backlog: 1, held: 2 },
      { backlog: undefined, held: 5 },
    ]) {
      const transport = closedAfterwards(new PipeTransport(await freshPath(), { backlog }));
      await transport.listen();
      // All in one turn of the event loop, in which nothing is accepted.
      const dialling = Array.from({ length: 5 }, () => dial(transport.path));
      const outcomes = await Promise.allSettled(dialling);
      expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(held);
    }
  });

  it('closes a connection beyond maxConnections', async () => {
    const transport = closedAfterwards(new PipeTransport(await freshPath(), { maxConnections: 1 }));
    await transport.listen({ onConnection: echo });
    await dial(transport.path);
    const second = await dial(transport.path);
    await expect(once(second.resume(), 'close')).resolves.toBeDefined();
  });

  it('accepts another connection when one of maxConnections ends', async () => {
    const transport = closedAfterwards(new PipeTransport(await freshPath(), { maxConnections: 1 }));
    const accepted: Socket[] = [];
    await transport.listen({
      onConnection: (connection) => {
        accepted.push(connection.resume());
      },
    });
    const first = await dial(transport.path);
    await vi.waitUntil(() => accepted.length === 1, { timeout: 10_000 });
    first.end();
    await vi.waitUntil(() => accepted[0]?.closed, { timeout: 10_000 });
    await dial(transport.path);
    await vi.waitUntil(() => accepted.length === 2, { timeout: 10_000 });
  });

  it.each([
    ['onConnection', { onConnection: 'x' as never }],
    ['allowHalfOpen', { allowHalfOpen: 1 as never }],
    ['pauseOnConnect', { pauseOnConnect: 1 as never }],
    ['pauseOnConnect, without onConnection', { pauseOnConnect: true }],
    ['signal', { signal: {} as never }],
  ])('rejects a listen with a bad %s, and the next one succeeds', async (_, options) => {
    const transport = await pipe();
    expect((await rejectionOf(transport.listen(options))).code).toBe('INVALID_ARGUMENT');
    await expect(transport.listen()).resolves.toMatch(/^pipe:/);
  });

  it.each([
    ['timeoutMs', { timeoutMs: -1 }],
    ['waitMs', { waitMs: NaN }],
    ['allowHalfOpen', { allowHalfOpen: 'x' as never }],
    ['pauseOnConnect', { pauseOnConnect: 'x' as never }],
    ['signal', { signal: null as never }],
  ])('rejects a connect with a bad %s', async (_, options) => {
    const listener = await pipe();
    const endpoint = await listener.listen();
    expect((await rejectionOf(listener.connect(endpoint, options))).code).toBe('INVALID_ARGUMENT');
  });
});

it('an open transport keeps no reference to a closed connection', async () => {
  const transport = closedAfterwards(new PipeTransport(await freshPath()));
  const accepted: WeakRef<Socket>[] = [];
  await transport.listen({
    onConnection: (connection) => {
      accepted.push(new WeakRef(connection.resume()));
    },
  });
  for (let i = 0; i < 3; i++) {
    const peer = await dial(transport.path);
    peer.resume().end();
    await once(peer, 'close');
  }
  await vi.waitUntil(
    () => {
      collectGarbage();
      return accepted.length === 3 && accepted.every((connection) => connection.deref() === undefined);
    },
    { timeout: 10_000 },
  );
});

it('an open transport keeps no reference to the signal of a connect that is over', async () => {
  const listener = await pipe();
  const [endpoint, dialer] = [await listener.listen(), await pipe()];
  const connect = async (): Promise<WeakRef<AbortSignal>> => {
    const { signal } = new AbortController();
    (await dialer.connect(endpoint, { signal })).destroy();
    return new WeakRef(signal);
  };
  const signals = [await connect(), await connect(), await connect()];
  const kept = (): number => {
    collectGarbage();
    return signals.filter((signal) => signal.deref() !== undefined).length;
  };
  // The latest may be kept by what has just run.
  await expect.poll(kept, { timeout: 4000 }).toBeLessThanOrEqual(1);
});

it('a connection reaches its handler in the turn that accepts it', async () => {
  const order: string[] = [];
  const onAccept = (): void => {
    order.push('accepted');
    queueMicrotask(() => order.push('later'));
  };
  subscribe('rpcplugin:transport:accept', onAccept);
  onTestFinished(() => void unsubscribe('rpcplugin:transport:accept', onAccept));
  const transport = closedAfterwards(new PipeTransport(await freshPath()));
  await transport.listen({
    onConnection: () => {
      order.push('handled');
    },
  });
  await dial(transport.path);
  await vi.waitUntil(() => order.length === 3, { timeout: 10_000 });
  expect(order).toEqual(['accepted', 'handled', 'later']);
});

describe('StreamTransport and its subclass', () => {
  it('keeps listening and publishes an error when it cannot accept a connection', async () => {
    const servers: Server[] = [];
    const listen = vi.spyOn(Server.prototype, 'listen').mockImplementationOnce(function (this: Server, ...args) {
      servers.push(this);
      listen.mockRestore();
      return this.listen(...args);
    });
    const transport = await pipe();
    const endpoint = await transport.listen({ onConnection: echo });
    const errors: unknown[] = [];
    const onError = (message: unknown): void => void errors.push(message);
    subscribe('rpcplugin:transport:error', onError);
    onTestFinished(() => void unsubscribe('rpcplugin:transport:error', onError));
    // Emitted in place of Node: an accept cannot fail here, while descriptors are free.
    const cause = Object.assign(new Error('accept ECONNABORTED'), { code: 'ECONNABORTED' });
    servers[0]?.emit('error', cause);
    expect(errors).toMatchObject([{ endpoint, operation: 'accept', error: { code: 'IO', cause } }]);
    const peer = await dial(transport.path);
    peer.end('hello');
    expect((await buffer(peer)).toString()).toBe('hello');
  });

  it('runs deferred steps once', async () => {
    const transport = new Scripted(await freshPath(), {});
    await transport.listen();
    await Promise.all([transport.stopListening(), transport.close(), transport.close()]);
    expect(transport.undone).toBe(1);
  });

  it('runs deferred steps once when stopped during open', async () => {
    const transport = new Scripted(await freshPath(), {});
    const listening = rejectionOf(transport.listen());
    await transport.stopListening();
    expect(await settlesWithin(4000, listening)).toBe(true);
    expect((await listening).code).toBe('CLOSED');
    expect(transport.undone).toBe(1);
  });

  it('ends a close only when a listen that it cancels is undone', async () => {
    let open: () => void = () => undefined;
    const opened = new Promise<void>((resolve) => (open = resolve));
    const transport = new Scripted(await freshPath(), { opened: () => opened });
    const listening = rejectionOf(transport.listen());
    const closing = transport.close();
    expect(await settlesWithin(20, closing)).toBe(false);
    open();
    await closing;
    expect(transport.undone).toBe(1);
    expect((await listening).code).toBe('CLOSED');
  });

  it('runs no deferred steps if it never listened', async () => {
    const transport = new Scripted(await freshPath(), {});
    await transport.close();
    expect(transport.undone).toBe(0);
  });

  it('runs deferred steps once when open fails', async () => {
    const transport = new Scripted(await freshPath(), { opened: () => Promise.reject(new Error('mine')) });
    await rejectionOf(transport.listen());
    await transport.close();
    expect(transport.undone).toBe(1);
  });

  it('closes the server when open fails after starting it', async () => {
    const transport = new Scripted(await freshPath(), { opened: () => Promise.reject(new Error('mine')) });
    await rejectionOf(transport.listen());
    expect(existsSync(transport.path)).toBe(false);
  });

  it('rejects with the error of open as cause', async () => {
    const cause = new Error('mine');
    const transport = new Scripted(await freshPath(), { opened: () => Promise.reject(cause) });
    expect(await rejectionOf(transport.listen())).toMatchObject({ code: 'IO', cause });
  });

  it('destroys connections accepted before open fails', async () => {
    let ended = new Promise<unknown>(() => undefined);
    const accepted: Socket[] = [];
    const transport = new Scripted(await freshPath(), {
      opened: async () => {
        const peer = await dial(transport.path);
        ended = once(peer.resume(), 'close');
        await vi.waitUntil(() => accepted.length === 1, { timeout: 10_000 });
        throw new Error('mine');
      },
    });
    await rejectionOf(
      transport.listen({
        onConnection: (connection) => {
          accepted.push(connection);
        },
      }),
    );
    expect(await settlesWithin(4000, ended)).toBe(true);
  });

  it('keeps connections accepted before open succeeds', async () => {
    let peer: Socket | undefined;
    const transport = closedAfterwards(
      new Scripted(await freshPath(), {
        opened: async () => {
          peer = await dial(transport.path);
        },
      }),
    );
    await transport.listen({ onConnection: echo });
    peer?.end('hello');
    expect((await buffer(peer ?? Duplex.from([]))).toString()).toBe('hello');
  });

  it('runs deferred steps when open succeeds despite an abort', async () => {
    const controller = new AbortController();
    const transport = new Scripted(await freshPath(), {
      opened: () => {
        controller.abort();
        return Promise.resolve();
      },
    });
    expect((await rejectionOf(transport.listen({ signal: controller.signal }))).code).toBe('ABORTED');
    expect({ undone: transport.undone, file: existsSync(transport.path) }).toEqual({ undone: 1, file: false });
  });

  it('rejects with ABORTED after an abort, whatever open fails with', async () => {
    const controller = new AbortController();
    const transport = new Scripted(await freshPath(), {
      opened: () => {
        controller.abort('enough');
        return Promise.reject(new TransportError('ADDRESS_IN_USE', 'mine'));
      },
    });
    const error = await rejectionOf(transport.listen({ signal: controller.signal }));
    expect(error).toMatchObject({ code: 'ABORTED', cause: 'enough' });
  });

  it('rejects for every caller of close with the error of a deferred step as cause', async () => {
    const cause = Object.assign(new Error('mine'), { code: 'EPERM' });
    const transport = new Scripted(await freshPath(), { undo: () => Promise.reject(cause) });
    await transport.listen();
    const errors = await Promise.all([rejectionOf(transport.close()), rejectionOf(transport.close())]);
    expect(errors).toMatchObject([
      { code: 'PERMISSION_DENIED', cause },
      { code: 'PERMISSION_DENIED', cause },
    ]);
  });

  it('ends connections and the server even if a deferred step fails', async () => {
    const transport = new Scripted(await freshPath(), { undo: () => Promise.reject(new Error('mine')) });
    await transport.listen({ onConnection: echo });
    const ended = once((await dial(transport.path)).resume(), 'close');
    await rejectionOf(transport.close());
    await ended;
    await expect(dial(transport.path)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('has no endpoint after close even if a deferred step fails', async () => {
    const transport = new Scripted(await freshPath(), { undo: () => Promise.reject(new Error('mine')) });
    await transport.listen();
    await rejectionOf(transport.close());
    expect(transport.endpoint).toBeUndefined();
  });

  it('destroys a connection that an attempt returns after an abort', async () => {
    const endpoint = await (await pipe()).listen();
    const sockets: Socket[] = [];
    const controller = new AbortController();
    class Deaf extends PipeTransport {
      protected override dialer(text: string): Dialer {
        return {
          endpoint: text,
          attempt: async () => {
            const socket = await dial(text.slice('pipe:'.length));
            sockets.push(socket);
            controller.abort();
            return socket;
          },
        };
      }
    }
    const transport = closedAfterwards(new Deaf('unused'));
    expect((await rejectionOf(transport.connect(endpoint, { signal: controller.signal }))).code).toBe('ABORTED');
    expect(sockets.map(({ destroyed }) => destroyed)).toEqual([true]);
  });
});

describe('StreamTransport with an incomplete subclass', () => {
  class Careless extends PipeTransport {
    protected override listener(): Listener {
      return { endpoint: 'careless:1', open: () => Promise.reject(new TransportError('ADDRESS_IN_USE', 'mine')) };
    }

    protected override dialer(): Dialer {
      throw new TransportError('INVALID_ENDPOINT', 'mine');
    }
  }

  it('adds the endpoint and a hint to the error of a listen', async () => {
    expect(await rejectionOf(new Careless('unused').listen())).toMatchObject({
      code: 'ADDRESS_IN_USE',
      message: 'mine',
      endpoint: 'careless:1',
      hint: expect.stringContaining('another address') as string,
    });
  });

  it('adds the endpoint to the error of a connect', async () => {
    const error = await rejectionOf(new Careless('unused').connect('what:ever'));
    expect(error).toMatchObject({ code: 'INVALID_ENDPOINT', message: 'mine', endpoint: 'what:ever' });
  });

  it.each([undefined, null, 5, {}, ['pipe:/x']])('rejects an endpoint that is not a string: %j', async (endpoint) => {
    const error = await rejectionOf((await pipe()).connect(endpoint as never));
    expect(error).toMatchObject({ code: 'INVALID_ENDPOINT', hint: expect.any(String) as string });
  });

  it('rejects with a TransportError whatever the subclass throws', async () => {
    class Broken extends PipeTransport {
      protected override listener(): Listener {
        throw new RangeError('mine');
      }

      protected override dialer(): Dialer {
        throw new RangeError('mine');
      }
    }
    const broken = new Broken('unused');
    expect(await rejectionOf(broken.listen())).toMatchObject({ code: 'IO', cause: new RangeError('mine') });
    expect(await rejectionOf(broken.connect('x:1'))).toMatchObject({ code: 'IO', endpoint: 'x:1' });
  });

  it('names a file that is not a socket by the endpoint the caller passed', async () => {
    const error = await rejectionOf((await pipe()).connect('pipe:/etc/passwd'));
    expect(error).toMatchObject({ code: 'NOT_A_SOCKET', endpoint: 'pipe:/etc/passwd' });
  });

  it.each(['listener', 'dialer'])('rejects a JavaScript subclass without %s on construction', (method) => {
    const methods = { listener: () => ({}), dialer: () => ({}), [method]: undefined };
    const Incomplete = class Incomplete extends (StreamTransport as unknown as new (network: string) => object) {};
    Object.assign(Incomplete.prototype, methods);
    expect(thrownBy(() => new Incomplete('x'))).toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: `Incomplete has no method ${method}`,
    });
  });
});

describe('deferred steps of a listener', () => {
  /** A transport that defers steps without listening. */
  class Deferring extends PipeTransport {
    readonly order: string[] = [];

    protected override listener(): Listener {
      return {
        open: ({ defer }) => {
          defer(() => void this.order.push('first'));
          defer(async () => {
            await new Promise(setImmediate);
            this.order.push('second');
          });
          defer(() => {
            this.order.push('third');
            throw new Error('mine');
          });
          return Promise.resolve('pipe:nowhere');
        },
      };
    }
  }

  it('run one after another, latest first, even if one throws', async () => {
    const transport = new Deferring('unused');
    await transport.listen();
    expect(await rejectionOf(transport.stopListening())).toMatchObject({ code: 'IO', cause: new Error('mine') });
    expect(transport.order).toEqual(['third', 'second', 'first']);
  });

  it('keep a process exit hook only while any remain', async () => {
    const before = process.listenerCount('exit');
    const transports = [new Deferring('unused'), new Deferring('unused')];
    for (const transport of transports) await transport.listen();
    expect(process.listenerCount('exit')).toBe(before + 1);
    for (const transport of transports) await rejectionOf(transport.close());
    expect(process.listenerCount('exit')).toBe(before);
  });
});
