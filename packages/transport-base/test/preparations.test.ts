import { once } from 'node:events';
import type { Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { closeAfterTest, codeOf, durationOf, onDiagnostic, until } from '@rpcplugin/test-support';
import type { ConnectionInfo, DropMessage } from '@rpcplugin/transport-core';
import { expect, it } from 'vitest';
import { listenSocket } from '../src/index.js';
import type { ListenContext, Preparation } from '../src/index.js';
import { PipeTransport } from './pipe-transport.js';
import { dial, freshPath } from './support.js';

interface Options extends Partial<Preparation> {
  /** Runs once the address accepts connections. */
  readonly opened?: () => Promise<void>;
  /** Until when the address stays open while the transport closes. */
  readonly released?: Promise<void>;
}

/** A transport whose connections are prepared. By default, each of them sends who it is on a line. */
class PreparedTransport extends PipeTransport {
  readonly #options: Options;
  /** The connections whose preparation began. */
  readonly begun: Socket[] = [];

  constructor(path: string, options: Options) {
    super(path);
    this.#options = options;
  }

  protected override async open(context: ListenContext): Promise<string> {
    const { opened, released, ...preparation } = this.#options;
    const accept = (socket: Socket): void => {
      context.accept(socket, {
        name: 'receiving the greeting',
        timeoutMs: 60_000,
        timeoutHint: 'Greet.',
        dropReason: 'handshake',
        run: async (operation) => {
          this.begun.push(socket);
          await once(socket, 'readable', { signal: operation.signal });
          return { client: String(socket.read()).trim() };
        },
        ...preparation,
      });
    };
    await listenSocket({ path: this.path }, {}, { ...context, accept });
    if (released !== undefined) context.defer(() => released);
    await opened?.();
    return `pipe:${this.path}`;
  }
}

interface Listening {
  readonly transport: PreparedTransport;
  readonly handled: { connection: Socket; info: ConnectionInfo }[];
  readonly drops: DropMessage[];
  readonly listening: Promise<string>;
}

async function listen(options: Options = {}, listenOptions = {}): Promise<Listening> {
  const transport = closeAfterTest(new PreparedTransport(await freshPath(), options));
  const handled: Listening['handled'] = [];
  const drops: DropMessage[] = [];
  onDiagnostic('drop', transport, (message) => drops.push(message));
  const onConnection = (connection: Socket, info: ConnectionInfo): void => void handled.push({ connection, info });
  const listening = transport.listen({ onConnection, ...listenOptions });
  listening.catch(() => undefined);
  if (options.opened === undefined) await listening;
  return { transport, handled, drops, listening };
}

it('gives the handler a connection that is prepared, with what is known about it', async () => {
  const { handled, transport } = await listen();
  const peer = await dial(transport.path);
  await until(() => transport.begun.length === 1);
  expect(handled).toEqual([]);
  peer.write('me\n');
  await until(() => handled.length === 1);
  expect(handled[0]?.info).toEqual({ client: 'me' });
  peer.end('data');
  const [{ connection } = { connection: peer }] = handled;
  expect(await text(connection)).toBe('data');
});

it('pauses a connection with pauseOnConnect once it is prepared', async () => {
  const { handled, transport } = await listen({}, { pauseOnConnect: true });
  (await dial(transport.path)).write('me\n');
  await until(() => transport.begun.length === 1);
  transport.begun[0]?.resume().pause();
  await until(() => handled.length === 1);
  expect(handled[0]?.connection.isPaused()).toBe(true);
});

it('destroys a connection that cannot be prepared, and publishes why', async () => {
  const run = (): Promise<never> => Promise.reject(Object.assign(new Error('no'), { code: 'EPERM' }));
  const { drops, handled, transport } = await listen({ run });
  const peer = (await dial(transport.path)).resume();
  await until(() => peer.destroyed);
  expect(drops).toMatchObject([{ reason: 'handshake', error: { code: 'PERMISSION_DENIED' } }]);
  expect(handled).toEqual([]);
});

it('destroys a connection whose preparation takes too long', async () => {
  const { drops, transport } = await listen({ timeoutMs: 20 });
  const peer = (await dial(transport.path)).resume();
  await until(() => peer.destroyed && drops.length === 1);
  const message = 'receiving the greeting did not succeed within 20 ms';
  expect(drops[0]?.error).toMatchObject({ code: 'TIMEOUT', message, hint: 'Greet.', endpoint: transport.endpoint });
});

it('does not pass on a connection that is prepared too late', async () => {
  const run: Preparation['run'] = async ({ signal }) => {
    await once(signal, 'abort');
    return { client: 'late' };
  };
  const { drops, handled, transport } = await listen({ timeoutMs: 20, run });
  await dial(transport.path);
  await until(() => drops.length === 1);
  expect(drops[0]?.error?.code).toBe('TIMEOUT');
  expect(handled).toEqual([]);
});

it('survives an error of a connection that is being prepared', async () => {
  const { drops, transport } = await listen();
  await dial(transport.path);
  await until(() => transport.begun.length === 1);
  transport.begun[0]?.destroy(new Error('mine'));
  await until(() => drops.length === 1);
  expect(drops[0]).toMatchObject({ reason: 'handshake', error: { code: 'IO', message: 'accept: mine' } });
});

it('does not let close wait for a preparation', async () => {
  const { drops, handled, transport } = await listen({ timeoutMs: Infinity });
  await dial(transport.path);
  await until(() => transport.begun.length === 1);
  expect(await durationOf(() => transport.close({ graceMs: 60_000 }))).toBeLessThan(30_000);
  await until(() => drops.length === 1);
  expect(drops[0]?.reason).toBe('closing');
  expect(handled).toEqual([]);
});

it('prepares no connection that is accepted while the transport closes', async () => {
  // The address is released late.
  let release = (): void => undefined;
  const released = new Promise<void>((resolve) => (release = resolve));
  const { drops, handled, transport } = await listen({ timeoutMs: Infinity, released });
  const closing = transport.close();
  const peer = (await dial(transport.path)).resume();
  await until(() => peer.destroyed);
  release();
  await closing;
  expect(transport.begun).toEqual([]);
  expect(drops.map(({ reason }) => reason)).toEqual(['closing']);
  expect(handled).toEqual([]);
});

it('destroys the connections that are being prepared when the address cannot be opened after all', async () => {
  let fail: (() => void) | undefined;
  const opened = (): Promise<never> =>
    new Promise((_, reject) => {
      fail = () => {
        reject(Object.assign(new Error('no'), { code: 'EPERM' }));
      };
    });
  const { drops, handled, listening, transport } = await listen({ opened });
  await until(() => fail !== undefined);
  const peer = await dial(transport.path);
  await until(() => transport.begun.length === 1);
  fail?.();
  expect(await codeOf(listening)).toBe('PERMISSION_DENIED');
  await until(() => peer.resume().destroyed && drops.length === 1);
  expect(handled).toEqual([]);
});
