import type { TransportErrorCode } from '@rpcplugin/transport-core';

/**
 * The contract of docs/design.md as it looks to somebody who calls several transports at once: what may come of each call, and which
 * bytes have to arrive. The ids are the contract's. There is no I/O here.
 *
 * When a call settles is not for the model to say. So what others do while it is pending counts, and widens what may come of it.
 */

export type Outcome = 'ok' | TransportErrorCode;

/** A limit that is not reached: longer than a history may take. */
export const NEVER_MS = 60_000;

/** Whether somebody listens at an address: not known while a call is pending that changes it. */
type Presence = 'nobody' | 'perhaps' | 'somebody';

/** L1, L5. */
const listenAmong: Record<Presence, Outcome[]> = {
  nobody: ['ok'],
  perhaps: ['ok', 'ADDRESS_IN_USE'],
  somebody: ['ADDRESS_IN_USE'],
};

/** L2, C3. */
const connectTo: Record<Presence, Outcome[]> = {
  nobody: ['NOT_FOUND', 'CONNECTION_REFUSED'],
  perhaps: ['ok', 'NOT_FOUND', 'CONNECTION_REFUSED'],
  somebody: ['ok'],
};

/** A call of a method. */
export class Call {
  /** Whether it settles though nobody does anything about it. */
  endsByItself = true;
  /** What came of it; `undefined` while it is pending. Anything but a `TransportError` is none of the outcomes. */
  outcome: string | undefined;
  readonly #may = new Set<Outcome>();
  #givenUp: Outcome | undefined;

  constructor(
    readonly name: string,
    ...outcomes: Outcome[]
  ) {
    this.may(outcomes);
  }

  get allowed(): string[] {
    // A time limit may have passed before somebody gave it up, and have had no time to show.
    const timeout = this.#may.has('TIMEOUT') ? ['TIMEOUT'] : [];
    return this.#givenUp === undefined ? [...this.#may] : [this.#givenUp, ...timeout];
  }

  may(outcomes: readonly Outcome[]): void {
    for (const outcome of outcomes) this.#may.add(outcome);
  }

  /** L6, C5, X4: from now on only this can come of it, unless something has come of it before. The first reason counts. */
  giveUp(reason: Outcome): void {
    if (this.outcome !== undefined) return;
    this.#givenUp ??= reason;
    this.endsByItself = true;
  }
}

interface Listener {
  readonly listen: Call;
  /** `undefined` while it is pending and the system has still to choose one. */
  address: string | undefined;
  /** Whether somebody has begun to give up the address: it may be free, or not yet. */
  stopping: boolean;
}

export class TransportModel {
  listener: Listener | undefined;
  readonly connecting = new Set<Call>();
  /** The grace of its close (X1: the shortest asked for); `undefined` while it is open. */
  graceMs: number | undefined;

  /** @param address - Where it always listens, if it is not the system that chooses. */
  constructor(
    readonly name: string,
    readonly address: string | undefined,
  ) {}

  get closed(): boolean {
    return this.graceMs !== undefined;
  }
}

/** One end of a connection. */
export interface End {
  readonly transport: TransportModel;
  /** By which it is known what was written there. */
  id: number;
  readonly allowHalfOpen: boolean;
  reads: boolean;
  /** How many bytes. */
  written: number;
  received: number;
  /** Whether its user has ended it. */
  ended: boolean;
  /** Whether it got the other's end. */
  sawEnd: boolean;
}

export interface Connection {
  /** The listener that it was made to, if there is no doubt. */
  readonly listener: Listener | undefined;
  readonly near: End;
  /** What a listener's handler got, once it is known to be the other end of this one; and that listener's call. */
  far: End | undefined;
  acceptedBy: Call | undefined;
  /** Whether one of the ends was reset. */
  cut: boolean;
}

export class Model {
  readonly transports: TransportModel[] = [];
  readonly calls: Call[] = [];
  readonly connections: Connection[] = [];
  /** Those that somebody can abort. */
  readonly abortable: Call[] = [];
  /** Where calls of connect connect to. */
  readonly #addresses = new Map<Call, string>();
  /** The listeners that calls of stopListening and close give up. */
  readonly #stops = new Map<Call, Listener>();
  readonly #closes: [TransportModel, Call][] = [];

  get pending(): Call[] {
    return this.calls.filter(({ outcome }) => outcome === undefined);
  }

  /** The other end of its connection, if that is known. */
  peerOf(end: End): End | undefined {
    const connection = this.connections.find(({ near, far }) => near === end || far === end);
    return connection?.near === end ? connection.far : connection?.near;
  }

  listen(transport: TransportModel, { aborted }: { aborted: boolean }): Call {
    const call = this.#begin(transport, 'listen');
    this.abortable.push(call);
    if (transport.closed)
      call.giveUp('CLOSED'); // X4
    else if (transport.listener !== undefined)
      call.giveUp('ALREADY_LISTENING'); // L4
    else if (aborted)
      call.giveUp('ABORTED'); // L6
    else transport.listener = { listen: call, address: transport.address, stopping: false };
    this.#widen();
    return call;
  }

  connect(
    transport: TransportModel,
    address: string,
    { aborted, timeoutMs, waitMs }: { aborted: boolean; timeoutMs: number; waitMs: number },
  ): Call {
    const call = this.#begin(transport, 'connect');
    this.abortable.push(call);
    if (timeoutMs < NEVER_MS) call.may(['TIMEOUT']); // C4
    call.endsByItself = timeoutMs < NEVER_MS || waitMs < NEVER_MS;
    if (transport.closed)
      call.giveUp('CLOSED'); // X4
    else if (aborted)
      call.giveUp('ABORTED'); // C5
    else {
      transport.connecting.add(call);
      this.#addresses.set(call, address);
    }
    this.#widen();
    return call;
  }

  /** L6, C5: once it has settled this does nothing. */
  abort(call: Call): void {
    call.giveUp('ABORTED');
    this.#widen();
  }

  /** X5: never fails, and what was connected stays so. A pending listen is given up. */
  stopListening(transport: TransportModel): Call {
    const call = this.#begin(transport, 'stopListening', 'ok');
    this.#stop(transport, call);
    return call;
  }

  /** X1, X4. */
  close(transport: TransportModel, graceMs: number): Call {
    const call = this.#begin(transport, 'close', 'ok');
    transport.graceMs = Math.min(transport.graceMs ?? Infinity, graceMs);
    for (const connect of transport.connecting) connect.giveUp('CLOSED');
    this.#stop(transport, call);
    this.#closes.push([transport, call]);
    for (const [closing, close] of this.#closes) if (closing === transport) close.endsByItself = endsSoon(transport);
    return call;
  }

  /** To be told at once. @param endpoint - What a `listen` resolved with. */
  settled(call: Call, outcome: string, endpoint?: string): void {
    call.outcome = outcome;
    for (const transport of this.transports) {
      const { listener } = transport;
      transport.connecting.delete(call);
      if (listener === undefined) continue;
      if (listener.listen === call && outcome === 'ok') listener.address = endpoint;
      const gone = (listener.listen === call && outcome !== 'ok') || this.#stops.get(call) === listener;
      if (gone) transport.listener = undefined;
    }
    this.#widen();
  }

  /** Whether there is a listener at an address. One whose address is not known yet may get any. */
  presence(address: string, except?: TransportModel): Presence {
    const listeners = this.#listenersAt(address, except);
    if (listeners.some(isSteady)) return 'somebody';
    return listeners.length > 0 ? 'perhaps' : 'nobody';
  }

  /** Whose connection it is that is made to an address, if there is no doubt. */
  listenerAt(address: string): Listener | undefined {
    const [only, ...others] = this.#listenersAt(address);
    return only !== undefined && others.length === 0 && isSteady(only) ? only : undefined;
  }

  /** L3: whether a handler is to have got the other end. */
  mustBeAccepted({ listener, near, cut }: Connection): boolean {
    const isHeld = this.transports.some((transport) => transport.listener === listener);
    return listener !== undefined && isSteady(listener) && isHeld && !near.transport.closed && !cut;
  }

  /**
   * C1, L3, X2, X5: whether all that was written at one end has to arrive at the other, and then its end. Not if it is not read, or
   * its reader discards it by closing, or its writer cuts it off; and a listen that fails takes along what it has accepted (L6).
   */
  mustArrive({ cut, acceptedBy }: Connection, from: End, to: End): boolean {
    return acceptedBy?.outcome === 'ok' && !cut && to.reads && !to.transport.closed && !endsSoon(from.transport);
  }

  /**
   * Whether a call is to settle though nobody does anything more about it. A close with all the time in the world is, if every peer
   * ends its connection in turn: that of X2, which discards what is not read.
   */
  settlesByItself(call: Call): boolean {
    const transport = this.#closes.find(([, close]) => close === call)?.[0];
    if (call.endsByItself || transport === undefined) return call.endsByItself;
    return this.connections.every(({ near, far, cut }) => {
      if (cut) return true;
      if (far === undefined) return false;
      return (near.transport !== transport || endsInTurn(far)) && (far.transport !== transport || endsInTurn(near));
    });
  }

  /** What is closed and still has all the time in the world ends its connections, too. */
  hasEnded(end: End): boolean {
    return end.ended || end.transport.closed;
  }

  #begin({ name }: TransportModel, method: string, ...outcomes: Outcome[]): Call {
    const call = new Call(`call ${this.calls.length}, ${name}.${method}`, ...outcomes);
    this.calls.push(call);
    return call;
  }

  #stop({ listener }: TransportModel, call: Call): void {
    if (listener !== undefined) {
      listener.listen.giveUp('CLOSED');
      listener.stopping = true;
      this.#stops.set(call, listener);
    }
    this.#widen();
  }

  #listenersAt(address: string, except?: TransportModel): Listener[] {
    return this.transports
      .filter((transport) => transport !== except)
      .map(({ listener }) => listener)
      .filter((listener) => listener !== undefined)
      .filter((listener) => (listener.address ?? address) === address);
  }

  /** What is at the addresses now may be what the pending calls find. */
  #widen(): void {
    for (const transport of this.transports) {
      const { listener, connecting } = transport;
      if (listener?.listen.outcome === undefined) {
        listener?.listen.may(
          transport.address === undefined ? ['ok'] : listenAmong[this.presence(transport.address, transport)],
        );
      }
      for (const connect of connecting) connect.may(connectTo[this.presence(this.#addresses.get(connect) ?? '')]);
    }
  }
}

/** Whether it listens, and nobody has begun to end that. */
function isSteady({ listen, stopping }: Listener): boolean {
  return listen.outcome === 'ok' && !stopping;
}

/** Whether it ends when its peer has. */
function endsInTurn({ transport, reads, allowHalfOpen }: End): boolean {
  return transport.closed || (reads && !allowHalfOpen);
}

/** Whether a transport is closed within the time of a history, whatever its peers do (X2). */
function endsSoon({ graceMs }: TransportModel): boolean {
  return graceMs !== undefined && graceMs < NEVER_MS;
}
