import type { TransportErrorCode } from '@rpcplugin/transport-core';

/**
 * The contract of docs/design.md from the view of a caller of several transports at once: the allowed outcomes of each
 * call, and which bytes must arrive. The ids are the contract's. There is no I/O here.
 *
 * The model does not know when a call settles. So every action while a call is pending can widen its allowed outcomes.
 */

export type Outcome = 'ok' | TransportErrorCode;

/** A time limit that is never reached: longer than a history may take. */
export const NEVER_MS = 60_000;

/** Whether an address has a listener: unknown while a call that changes it is pending. */
type Presence = 'no' | 'maybe' | 'yes';

/** L1, L5. */
const listenAmong: Record<Presence, Outcome[]> = {
  no: ['ok'],
  maybe: ['ok', 'ADDRESS_IN_USE'],
  yes: ['ADDRESS_IN_USE'],
};

/** L2, C3. */
const connectTo: Record<Presence, Outcome[]> = {
  no: ['NOT_FOUND', 'CONNECTION_REFUSED'],
  maybe: ['ok', 'NOT_FOUND', 'CONNECTION_REFUSED'],
  yes: ['ok'],
};

/** A call of a method. */
export class Call {
  /** Whether it settles by itself. */
  endsByItself = true;
  /** `undefined` while it is pending. An error that is not a `TransportError` is never an allowed outcome. */
  outcome: string | undefined;
  readonly #may = new Set<Outcome>();
  #cancelled: Outcome | undefined;

  constructor(
    readonly name: string,
    ...outcomes: Outcome[]
  ) {
    this.may(outcomes);
  }

  get allowed(): string[] {
    // The time limit may have passed before the cancellation, without having taken effect yet.
    const timeout = this.#may.has('TIMEOUT') ? ['TIMEOUT'] : [];
    return this.#cancelled === undefined ? [...this.#may] : [this.#cancelled, ...timeout];
  }

  may(outcomes: readonly Outcome[]): void {
    for (const outcome of outcomes) this.#may.add(outcome);
  }

  /** L6, C5, X4: from now on this is the only outcome, unless the call has settled. The first reason counts. */
  cancel(reason: Outcome): void {
    if (this.outcome !== undefined) return;
    this.#cancelled ??= reason;
    this.endsByItself = true;
  }
}

interface Listener {
  readonly listen: Call;
  /** `undefined` while the listen is pending and the system has not chosen one. */
  address: string | undefined;
  /** Whether a call has started to release the address, which may or may not be free yet. */
  stopping: boolean;
}

export class TransportModel {
  listener: Listener | undefined;
  readonly connecting = new Set<Call>();
  /** The grace period of its close (X1: the shortest one requested); `undefined` while it is open. */
  graceMs: number | undefined;

  /** @param address - Where it always listens; `undefined` if the system chooses. */
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
  /** Determines the data that it writes. */
  id: number;
  readonly allowHalfOpen: boolean;
  reads: boolean;
  /** In bytes. */
  written: number;
  received: number;
  /** Whether its user has ended it. */
  ended: boolean;
  /** Whether it received the end of the other side. */
  sawEnd: boolean;
}

export interface Connection {
  /** The listener it was made to, if that is certain. */
  readonly listener: Listener | undefined;
  readonly near: End;
  /** The end that a handler got, once it is known to belong to this connection. */
  far: End | undefined;
  /** The `listen` call of that handler. */
  acceptedBy: Call | undefined;
  /** Whether one of the ends was reset. */
  cut: boolean;
}

export class Model {
  readonly transports: TransportModel[] = [];
  readonly calls: Call[] = [];
  readonly connections: Connection[] = [];
  /** Calls with a signal. */
  readonly abortable: Call[] = [];
  /** The addresses that calls of connect connect to. */
  readonly #addresses = new Map<Call, string>();
  /** The listeners that calls of stopListening and close stop. */
  readonly #stops = new Map<Call, Listener>();
  readonly #closes: [TransportModel, Call][] = [];

  get pending(): Call[] {
    return this.calls.filter(({ outcome }) => outcome === undefined);
  }

  /** The other end of its connection, if known. */
  peerOf(end: End): End | undefined {
    const connection = this.connections.find(({ near, far }) => near === end || far === end);
    return connection?.near === end ? connection.far : connection?.near;
  }

  listen(transport: TransportModel, { aborted }: { aborted: boolean }): Call {
    const call = this.#begin(transport, 'listen');
    this.abortable.push(call);
    if (transport.closed)
      call.cancel('CLOSED'); // X4
    else if (transport.listener !== undefined)
      call.cancel('ALREADY_LISTENING'); // L4
    else if (aborted)
      call.cancel('ABORTED'); // L6
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
      call.cancel('CLOSED'); // X4
    else if (aborted)
      call.cancel('ABORTED'); // C5
    else {
      transport.connecting.add(call);
      this.#addresses.set(call, address);
    }
    this.#widen();
    return call;
  }

  /** L6, C5: does nothing once the call has settled. */
  abort(call: Call): void {
    call.cancel('ABORTED');
    this.#widen();
  }

  /** X5: never fails, keeps connections and cancels a pending listen. */
  stopListening(transport: TransportModel): Call {
    const call = this.#begin(transport, 'stopListening', 'ok');
    this.#stop(transport, call);
    return call;
  }

  /** X1, X4. */
  close(transport: TransportModel, graceMs: number): Call {
    const call = this.#begin(transport, 'close', 'ok');
    transport.graceMs = Math.min(transport.graceMs ?? Infinity, graceMs);
    for (const connect of transport.connecting) connect.cancel('CLOSED');
    this.#stop(transport, call);
    this.#closes.push([transport, call]);
    for (const [closing, close] of this.#closes) if (closing === transport) close.endsByItself = endsSoon(transport);
    return call;
  }

  /** Records an outcome; call it at once. @param endpoint - The result of a `listen`. */
  settled(call: Call, outcome: string, endpoint?: string): void {
    call.outcome = outcome;
    for (const transport of this.transports) {
      const { listener } = transport;
      transport.connecting.delete(call);
      if (listener === undefined) continue;
      if (listener.listen === call && outcome === 'ok') listener.address = endpoint;
      const hasEnded = (listener.listen === call && outcome !== 'ok') || this.#stops.get(call) === listener;
      if (hasEnded) transport.listener = undefined;
    }
    this.#widen();
  }

  /** Whether an address has a listener. A listener whose address is not known yet may get any. */
  presence(address: string, except?: TransportModel): Presence {
    const listeners = this.#listenersAt(address, except);
    if (listeners.some(isSteady)) return 'yes';
    return listeners.length > 0 ? 'maybe' : 'no';
  }

  /** The listener that a connection to an address reaches, if that is certain. */
  listenerAt(address: string): Listener | undefined {
    const [only, ...others] = this.#listenersAt(address);
    return only !== undefined && others.length === 0 && isSteady(only) ? only : undefined;
  }

  /** L3: whether a handler must get the far end. */
  mustBeAccepted({ listener, near, cut }: Connection): boolean {
    const isHeld = this.transports.some((transport) => transport.listener === listener);
    return listener !== undefined && isSteady(listener) && isHeld && !near.transport.closed && !cut;
  }

  /**
   * C1, L3, X2, X5: whether everything written at one end must arrive at the other, followed by the end. Not if the
   * other end does not read, its transport discards input by closing, or the writer's transport cuts the connection
   * off. A listen that fails destroys the connections it accepted (L6).
   */
  mustArrive({ cut, acceptedBy }: Connection, from: End, to: End): boolean {
    return acceptedBy?.outcome === 'ok' && !cut && to.reads && !to.transport.closed && !endsSoon(from.transport);
  }

  /**
   * Whether a call settles without any further action. A close with an endless grace period does if every peer ends its
   * connection in turn, since a close discards unread input (X2).
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

  /** A close with an endless grace period ends connections too. */
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
      listener.listen.cancel('CLOSED');
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

  /** Pending calls may find the addresses as they are now. */
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

/** Whether it listens, and no call has started to stop it. */
function isSteady({ listen, stopping }: Listener): boolean {
  return listen.outcome === 'ok' && !stopping;
}

/** Whether it ends after its peer. */
function endsInTurn({ transport, reads, allowHalfOpen }: End): boolean {
  return transport.closed || (reads && !allowHalfOpen);
}

/** Whether a transport closes within the time of a history, whatever its peers do (X2). */
function endsSoon({ graceMs }: TransportModel): boolean {
  return graceMs !== undefined && graceMs < NEVER_MS;
}
