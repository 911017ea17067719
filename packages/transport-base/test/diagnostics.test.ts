import { channel, subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { closeAfterTest, durationOf, rejectionOf } from '@rpcplugin/test-support';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { reportDrop } from '../src/index.js';
import type { ListenContext } from '../src/index.js';
import { PipeTransport } from './pipe-transport.js';
import { dial, freshPath } from './support.js';

const names = ['listen', 'connect', 'accept', 'disconnect', 'drop', 'close', 'error', 'warning'] as const;

/** The messages published on a channel until the end of the test. */
function published(name: (typeof names)[number]): unknown[] {
  const messages: unknown[] = [];
  const onMessage = (message: unknown): void => {
    messages.push(message);
  };
  subscribe(`rpcplugin:transport:${name}`, onMessage);
  onTestFinished(() => void unsubscribe(`rpcplugin:transport:${name}`, onMessage));
  return messages;
}

async function pipe(): Promise<PipeTransport> {
  return closeAfterTest(new PipeTransport(await freshPath()));
}

describe('diagnostics', () => {
  it('publishes listen for a new listener', async () => {
    const messages = published('listen');
    const transport = await pipe();
    const endpoint = await transport.listen();
    expect(messages).toEqual([{ transport, network: 'pipe', endpoint }]);
  });

  it('publishes connect for a new connection', async () => {
    const messages = published('connect');
    const endpoint = await (await pipe()).listen();
    const transport = await pipe();
    let connection: Socket | undefined;
    const took = await durationOf(async () => (connection = await transport.connect(endpoint)));
    const durationMs = expect.toSatisfy((ms: number) => ms > 0 && ms <= took) as unknown;
    expect(messages).toEqual([{ transport, network: 'pipe', endpoint, connection, durationMs }]);
  });

  it('publishes accept before the handler gets the connection', async () => {
    const messages = published('accept');
    const transport = await pipe();
    const told: unknown[] = [];
    const endpoint = await transport.listen({
      onConnection: (connection) => {
        told.push(...messages, connection);
      },
    });
    await dial(transport.path);
    await vi.waitUntil(() => told.length > 0, { timeout: 10_000 });
    expect(told).toEqual([{ transport, network: 'pipe', endpoint, connection: told[1] }, told[1]]);
  });

  it('publishes disconnect for both ends of a connection when it closes', async () => {
    const messages = published('disconnect');
    const [listening, connecting] = [await pipe(), await pipe()];
    const accepted: Socket[] = [];
    const endpoint = await listening.listen({ onConnection: (connection) => accepted.push(connection.resume()) });
    const stays = await connecting.connect(endpoint);
    const leaves = await connecting.connect(endpoint);
    await vi.waitUntil(() => accepted.length === 2, { timeout: 10_000 });
    expect(messages).toEqual([]);
    leaves.destroy();
    await expect.poll(() => messages, { timeout: 4000 }).toHaveLength(2);
    expect(messages).toContainEqual({
      transport: connecting,
      network: 'pipe',
      endpoint,
      connection: leaves,
      open: 1,
    });
    expect(messages).toContainEqual({
      transport: listening,
      network: 'pipe',
      endpoint,
      connection: accepted.find(({ destroyed }) => destroyed),
      open: 1,
    });
    expect(stays.destroyed).toBe(false);
  });

  it('publishes drop for a connection beyond maxConnections', async () => {
    const messages = published('drop');
    const transport = closeAfterTest(new PipeTransport(await freshPath(), { maxConnections: 1 }));
    const endpoint = await transport.listen();
    await dial(transport.path);
    await once((await dial(transport.path)).resume(), 'close');
    expect(messages).toEqual([{ transport, network: 'pipe', endpoint, reason: 'maxConnections' }]);
  });

  it('publishes drop for a connection that arrives during a close', async () => {
    const messages = published('drop');
    let finish = (): void => undefined;
    class SlowToStop extends PipeTransport {
      protected override async open(context: ListenContext): Promise<string> {
        const endpoint = await super.open(context);
        context.defer(
          () =>
            new Promise((resolve) => {
              finish = resolve;
            }),
        );
        return endpoint;
      }
    }
    const transport = new SlowToStop(await freshPath());
    const endpoint = await transport.listen();
    const closing = transport.close();
    await once((await dial(transport.path)).resume(), 'close');
    finish();
    await closing;
    expect(messages).toEqual([{ transport, network: 'pipe', endpoint, reason: 'closing' }]);
  });

  it('publishes drop for a connection that reportDrop reports', async () => {
    const messages = published('drop');
    const transport = await pipe();
    reportDrop(transport, 'handshake');
    const endpoint = await transport.listen();
    reportDrop(transport, 'handshake');
    expect(messages).toEqual([
      { transport, network: 'pipe', endpoint: undefined, reason: 'handshake' },
      { transport, network: 'pipe', endpoint, reason: 'handshake' },
    ]);
  });

  it('publishes warning for what a listener warns of, during listen and after', async () => {
    const messages = published('warning');
    let warn: ListenContext['warn'] = () => undefined;
    class Worried extends PipeTransport {
      protected override open(context: ListenContext): Promise<string> {
        ({ warn } = context);
        warn('early', new RangeError('mine'));
        return super.open(context);
      }
    }
    const transport = closeAfterTest(new Worried(await freshPath()));
    const endpoint = await transport.listen();
    warn('late');
    expect(messages).toEqual([
      { transport, network: 'pipe', endpoint, what: 'early', cause: new RangeError('mine') },
      { transport, network: 'pipe', endpoint, what: 'late', cause: undefined },
    ]);
  });

  it('publishes close once, with the number of destroyed connections', async () => {
    const messages = published('close');
    const transport = await pipe();
    const accepted: Socket[] = [];
    const endpoint = await transport.listen({
      onConnection: (connection) => {
        accepted.push(connection);
      },
    });
    // A peer that does not end with the other side.
    await dial(transport.path, { allowHalfOpen: true });
    await vi.waitUntil(() => accepted.length === 1, { timeout: 10_000 });
    await Promise.all([transport.close({ graceMs: 0 }), transport.close()]);
    expect(messages).toEqual([{ transport, network: 'pipe', endpoint, destroyed: 1 }]);
  });

  it('publishes error for a failed connect, with the same error', async () => {
    const messages = published('error');
    const transport = await pipe();
    const endpoint = 'pipe:/nowhere';
    const error = await rejectionOf(transport.connect(endpoint, { waitMs: 50 }));
    const durationMs = expect.toSatisfy((ms: number) => ms >= 50) as unknown;
    expect(messages).toEqual([{ transport, network: 'pipe', endpoint, operation: 'connect', error, durationMs }]);
  });

  it('publishes error for a failed listen, with the same error', async () => {
    const messages = published('error');
    const holder = await pipe();
    await holder.listen();
    const transport = closeAfterTest(new PipeTransport(holder.path));
    const error = await rejectionOf(transport.listen());
    expect(messages).toEqual([
      { transport, network: 'pipe', endpoint: `pipe:${holder.path}`, operation: 'listen', error },
    ]);
  });

  it.each([
    [
      'throws',
      () => {
        throw new RangeError('mine');
      },
    ],
    ['rejects', () => Promise.reject(new RangeError('mine'))],
  ] satisfies [string, () => void | Promise<void>][])(
    'publishes error for a handler that %s',
    async (_, onConnection) => {
      const messages = published('error');
      const transport = await pipe();
      const endpoint = await transport.listen({ onConnection });
      await once((await dial(transport.path)).resume(), 'close');
      const error = expect.objectContaining({ code: 'IO', cause: new RangeError('mine') }) as unknown;
      expect(messages).toEqual([{ transport, network: 'pipe', endpoint, operation: 'handler', error }]);
    },
  );

  it('publishes error for an error on a connection', async () => {
    const messages = published('error');
    const transport = await pipe();
    const accepted: Socket[] = [];
    const endpoint = await transport.listen({
      onConnection: (connection) => {
        accepted.push(connection.destroy(new RangeError('mine')));
      },
    });
    await once((await dial(transport.path)).resume(), 'close');
    const error = expect.objectContaining({ code: 'IO', cause: new RangeError('mine') }) as unknown;
    expect(messages).toEqual([{ transport, network: 'pipe', endpoint, operation: 'connection', error }]);
  });

  it('publishes error for a failed close', async () => {
    const messages = published('error');
    class Sticky extends PipeTransport {
      protected override open(context: ListenContext): Promise<string> {
        context.defer(() => {
          throw new RangeError('mine');
        });
        return super.open(context);
      }
    }
    const transport = new Sticky(await freshPath());
    const endpoint = await transport.listen();
    const error = await rejectionOf(transport.close());
    expect(messages).toEqual([{ transport, network: 'pipe', endpoint, operation: 'close', error }]);
  });

  it('builds no message without a subscriber', async () => {
    expect(names.map((name) => channel(`rpcplugin:transport:${name}`).hasSubscribers)).not.toContain(true);
    const transport = closeAfterTest(new PipeTransport(await freshPath(), { maxConnections: 1 }));
    // Every message contains the network.
    let reads = 0;
    Object.defineProperty(transport, 'network', { get: () => `pipe ${++reads}` });
    const endpoint = await transport.listen({
      onConnection: () => {
        throw new RangeError('mine');
      },
    });
    await once((await transport.connect(endpoint)).resume(), 'close');
    await rejectionOf(transport.connect('pipe:/nowhere'));
    await transport.close();
    expect(reads).toBe(0);
  });

  it('continues when a subscriber throws', async () => {
    const uncaught: unknown[] = [];
    const before = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    process.on('uncaughtException', (error) => uncaught.push(error));
    onTestFinished(() => {
      process.removeAllListeners('uncaughtException');
      for (const listener of before) process.on('uncaughtException', listener);
    });
    const onMessage = (): never => {
      throw new RangeError('from the subscriber');
    };
    subscribe('rpcplugin:transport:listen', onMessage);
    onTestFinished(() => void unsubscribe('rpcplugin:transport:listen', onMessage));
    await expect((await pipe()).listen()).resolves.toMatch(/^pipe:/);
    await vi.waitUntil(() => uncaught.length === 1, { timeout: 10_000 });
  });
});
