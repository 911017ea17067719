import { randomBytes } from 'node:crypto';
import { getEventListeners } from 'node:events';
import type { Socket } from 'node:net';
import { turns, until } from '@rpcplugin/test-support';
import { TransportError } from '@rpcplugin/transport-core';
import type { ConnectOptions, ListenOptions, Transport } from '@rpcplugin/transport-core';
import type { Place } from '../variants.js';
import type { Call, Connection, End, Model } from './model.js';
import { TransportModel } from './model.js';

/** The time limit for a promise or a byte that nothing holds up, in milliseconds: generous, for a busy machine. */
const DEADLINE_MS = 10_000;
/** How much may be written at one end. */
const LIMIT_BYTES = 2 ** 21;
/** The data to write, from an offset that depends on the end. */
const material = randomBytes(2 * LIMIT_BYTES);
/** The connecting end first sends the number of its connection. */
const HEADER_BYTES = 4;

/** The surroundings of the transports of a history. */
export interface Stage {
  readonly place: Place;
  /** Whether cutting a connection resets it. */
  readonly resets: boolean;
  /** Released addresses, where the transports listen unless the system chooses. */
  readonly addresses: readonly string[];
  readonly systemChooses: boolean;
}

interface Actor {
  readonly transport: Transport<Socket>;
  readonly model: TransportModel;
  readonly sockets: Socket[];
  /** Where it listened last, or will listen. */
  address: string;
  /** Each starts to read at an end that does not read yet. */
  readonly unread: (() => void)[];
}

/** Real transports and sockets. Whatever they do differently from the model is a fault. */
export class History {
  readonly #model: Model;
  readonly #stage: Stage;
  readonly #actors = new Map<TransportModel, Actor>();
  readonly #sockets = new Map<End, Socket>();
  readonly #controllers = new Map<Call, AbortController>();
  readonly #settling = new Map<Call, Promise<void>>();
  readonly #faults: string[] = [];
  readonly #log: string[] = [];

  constructor(model: Model, stage: Stage) {
    this.#model = model;
    this.#stage = stage;
  }

  /** The log of what happened, in order. */
  toString(): string {
    return this.#log.join('\n');
  }

  create(): void {
    const { place, addresses, systemChooses } = this.#stage;
    const index = this.#actors.size;
    const address = addresses[index % addresses.length];
    if (address === undefined) throw new Error('a stage without addresses');
    const model = new TransportModel(`#${index}`, systemChooses ? undefined : address);
    const transport = systemChooses ? place.create() : place.createAt(address);
    this.#model.transports.push(model);
    this.#actors.set(model, { transport, model, sockets: [], address, unread: [] });
  }

  listen(
    model: TransportModel,
    { aborted, reads, ...options }: ListenOptions<Socket> & { aborted: boolean; reads: boolean },
  ): void {
    const actor = this.#actor(model);
    const call = this.#model.listen(model, { aborted });
    const onConnection = (socket: Socket): void => {
      this.#accepted(actor, call, socket, reads);
    };
    const listening = actor.transport.listen({ ...options, onConnection, signal: this.#signal(call, aborted) });
    this.#watch(call, listening, (endpoint) => {
      actor.address = endpoint;
      return endpoint;
    });
  }

  connect(
    model: TransportModel,
    target: TransportModel,
    {
      aborted,
      reads,
      ...options
    }: ConnectOptions & { aborted: boolean; reads: boolean; timeoutMs: number; waitMs: number },
  ): void {
    const actor = this.#actor(model);
    const { address } = this.#actor(target);
    const call = this.#model.connect(model, address, { aborted, ...options });
    const connecting = actor.transport.connect(address, { ...options, signal: this.#signal(call, aborted) });
    this.#watch(call, connecting, (socket) => {
      this.#connected(actor, address, socket, reads);
      return undefined;
    });
  }

  abort(call: Call): void {
    this.#log.push(`${call.name} is aborted`);
    this.#model.abort(call);
    this.#controllers.get(call)?.abort(new Error('changed its mind'));
  }

  stopListening(model: TransportModel): void {
    const { transport } = this.#actor(model);
    const call = this.#model.stopListening(model);
    this.#watch(call, transport.stopListening());
  }

  close(model: TransportModel, graceMs: number): void {
    const { transport, sockets } = this.#actor(model);
    const call = this.#model.close(model, graceMs);
    this.#watch(call, transport.close({ graceMs }), () => {
      if (sockets.some(({ destroyed }) => !destroyed)) this.#faults.push(`${call.name} left a connection (X2)`);
      if (transport.endpoint !== undefined) this.#faults.push(`${call.name} left an endpoint (X4)`);
      return undefined;
    });
  }

  send(end: End, bytes: number): void {
    const socket = this.#socketOf(end);
    if (!socket.writable || end.written + bytes > LIMIT_BYTES) return;
    this.#log.push(`${nameOf(end)} writes ${bytes} bytes`);
    socket.write(content(end, end.written, bytes));
    end.written += bytes;
  }

  halfClose(end: End): void {
    this.#log.push(`${nameOf(end)} ends`);
    this.#socketOf(end).end();
    end.ended = true;
  }

  reset(end: End): void {
    this.#log.push(`${nameOf(end)} is reset`);
    for (const connection of this.#model.connections) {
      if (connection.near === end || connection.far === end) connection.cut = true;
    }
    const socket = this.#socketOf(end);
    // Node leaks the descriptor of a socket that is reset while libuv shuts it down.
    const isShuttingDown = socket.writableEnded && !socket.writableFinished;
    if (this.#stage.resets && !isShuttingDown) socket.resetAndDestroy();
    else socket.destroy();
  }

  /** All ends of a transport that do not read start to. */
  read(model: TransportModel): void {
    const { unread } = this.#actor(model);
    // After a close, the input that it discarded would be missing.
    if (!model.closed) for (const begin of unread.splice(0)) begin();
  }

  async settle(call: Call): Promise<void> {
    await within(this.#settling.get(call) ?? Promise.resolve(), () => `${call.name} is still pending`);
    // Calls that settled at the same moment are processed too.
    await turns(1);
  }

  /** Resolves once everything that must arrive has arrived. */
  async deliver(connection: Connection): Promise<void> {
    const model = this.#model;
    const { near } = connection;
    await waitFor(
      () => connection.far !== undefined || this.#isUnread(connection) || !model.mustBeAccepted(connection),
      () => `${nameOf(near)} was not accepted (L3)`,
    );
    const { far } = connection;
    if (far === undefined) return;
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      const hasArrived = (): boolean => to.received === from.written && (to.sawEnd || !model.hasEnded(from));
      await waitFor(
        () => hasArrived() || !model.mustArrive(connection, from, to),
        () =>
          `${from.written} bytes written at ${nameOf(from)}, ${to.received} arrived, end seen: ${to.sawEnd} (C1, X2)`,
      );
    }
  }

  /** @throws Error if anything differs from the model. */
  assertSound(): void {
    for (const { model, transport, address } of this.#actors.values()) {
      const { listener } = model;
      if (listener === undefined || listener.stopping || listener.listen.outcome !== 'ok') continue;
      if (transport.endpoint !== address) this.#faults.push(`${model.name} has endpoint ${transport.endpoint} (L1)`);
    }
    if (this.#faults.length > 0) throw new Error(this.#faults.join('; '));
  }

  /** Finishes everything in progress, and compares the outcome with the model. */
  async end(): Promise<void> {
    for (const connection of this.#model.connections) await this.deliver(connection);
    for (const call of this.#model.pending) if (this.#model.settlesByItself(call)) await this.settle(call);
    for (const transport of this.#model.transports) this.close(transport, 0);
    for (const call of this.#model.pending) await this.settle(call);
    this.assertSound();
  }

  /** Leaves nothing for the next history, even after a failure. */
  async dispose(): Promise<void> {
    for (const controller of this.#controllers.values()) controller.abort();
    for (const { sockets } of this.#actors.values()) for (const socket of sockets) socket.destroy();
    const closing = Promise.allSettled(
      [...this.#actors.values()].map(({ transport }) => transport.close({ graceMs: 0 })),
    );
    await within(closing, () => '').catch(() => undefined);
  }

  /** Whether the listener may not have read the number of the connection. */
  #isUnread({ listener }: Connection): boolean {
    return [...this.#actors.values()].some(({ model, unread }) => model.listener === listener && unread.length > 0);
  }

  #actor(model: TransportModel): Actor {
    const actor = this.#actors.get(model);
    if (actor === undefined) throw new Error('not a transport of this history');
    return actor;
  }

  #socketOf(end: End): Socket {
    const socket = this.#sockets.get(end);
    if (socket === undefined) throw new Error('an end without a socket');
    return socket;
  }

  #signal(call: Call, aborted: boolean): AbortSignal {
    const controller = new AbortController();
    if (aborted) controller.abort();
    this.#controllers.set(call, controller);
    return controller.signal;
  }

  #watch<T>(call: Call, promise: Promise<T>, onSuccess: (value: T) => string | undefined = () => undefined): void {
    const onSettled = (outcome: string, endpoint?: string): void => {
      const { allowed } = call;
      this.#log.push(`${call.name}: ${outcome}`);
      if (!allowed.includes(outcome)) this.#faults.push(`${call.name}: ${outcome}, not ${allowed.join(' or ')}`);
      this.#model.settled(call, outcome, endpoint);
      const signal = this.#controllers.get(call)?.signal;
      if (signal !== undefined && getEventListeners(signal, 'abort').length > 0) {
        this.#faults.push(`${call.name} still listens to its signal (C5)`);
      }
    };
    this.#log.push(`${call.name} begins`);
    const settling = promise.then(
      (value) => {
        onSettled('ok', onSuccess(value));
      },
      (error: unknown) => {
        onSettled(TransportError.isInstance(error) ? error.code : `not a TransportError: ${String(error)}`);
      },
    );
    this.#settling.set(call, settling);
  }

  #connected(actor: Actor, address: string, socket: Socket, reads: boolean): void {
    const { connections } = this.#model;
    const near = this.#end(actor, socket, 2 * connections.length);
    const listener = this.#model.listenerAt(address);
    const connection: Connection = { listener, near, far: undefined, acceptedBy: undefined, cut: false };
    const header = Buffer.alloc(HEADER_BYTES);
    header.writeUInt32BE(connections.length);
    connections.push(connection);
    socket.write(header);
    this.#readWhen(reads, actor, () => {
      near.reads = true;
      socket.on('data', (data) => {
        if (connection.far !== undefined) this.#received(near, connection.far, data);
        else this.#faults.push(`${nameOf(near)} got data from an unknown end`);
      });
    });
  }

  #accepted(actor: Actor, listen: Call, socket: Socket, reads: boolean): void {
    const far = this.#end(actor, socket, NaN);
    let connection: Connection | undefined;
    let unknown = Buffer.alloc(0);
    this.#readWhen(reads, actor, () => {
      far.reads = true;
      socket.on('data', (data) => {
        if (connection !== undefined) {
          this.#received(far, connection.near, data);
          return;
        }
        unknown = Buffer.concat([unknown, data]);
        if (unknown.length < HEADER_BYTES) return;
        connection = this.#model.connections[unknown.readUInt32BE()];
        if (connection === undefined || connection.far !== undefined) {
          this.#faults.push('a connection was accepted twice or never made (L3)');
          return;
        }
        connection.far = far;
        far.id = connection.near.id + 1;
        connection.acceptedBy = listen;
        this.#received(far, connection.near, unknown.subarray(HEADER_BYTES));
      });
    });
  }

  #end({ model, sockets }: Actor, socket: Socket, id: number): End {
    const end: End = {
      transport: model,
      id,
      allowHalfOpen: socket.allowHalfOpen,
      reads: false,
      written: 0,
      received: 0,
      ended: false,
      sawEnd: false,
    };
    sockets.push(socket);
    this.#sockets.set(end, socket);
    // If no data precedes it, `end` is emitted without a read.
    socket.on('end', () => {
      end.sawEnd = true;
    });
    return end;
  }

  #readWhen(now: boolean, { unread }: Actor, begin: () => void): void {
    if (now) begin();
    else unread.push(begin);
  }

  #received(to: End, from: End, data: Buffer): void {
    if (!data.equals(content(from, to.received, data.length))) this.#faults.push(`${nameOf(to)} got other bytes (C1)`);
    to.received += data.length;
  }
}

/** The data that an end writes from an offset on. */
function content({ id }: End, start: number, bytes: number): Buffer {
  const begin = ((id * 1000) % LIMIT_BYTES) + start;
  return material.subarray(begin, begin + bytes);
}

function nameOf({ id, transport }: End): string {
  return `the ${id % 2 === 0 ? 'near' : 'far'} end of connection ${Math.floor(id / 2)}, of ${transport.name}`;
}

async function waitFor(condition: () => boolean, what: () => string): Promise<void> {
  if (condition()) return;
  await until(condition, { timeoutMs: DEADLINE_MS }).catch(() => {
    throw new Error(what());
  });
}

async function within<T>(promise: Promise<T>, what: () => string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`${what()} after ${DEADLINE_MS} ms`));
    }, DEADLINE_MS);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
