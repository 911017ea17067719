import type { Duplex } from 'node:stream';
import type { Server, ServerCredentials } from '@grpc/grpc-js';
import {
  assertOptions,
  ConnectionSet,
  durationOption,
  messageOf,
  startTimer,
  TransportDiagnostics,
  TransportError,
} from '@rpcplugin/transport-core';
import type { Transport } from '@rpcplugin/transport-core';

export interface ServeGrpcOptions {
  /** Gives up a pending `serveGrpc` (`ABORTED`). Does nothing once it has settled. */
  signal?: AbortSignal | undefined;
  /**
   * For how many milliseconds a new connection may stay silent. A gRPC client says something at once; what has not by then is
   * closed. `Infinity` means for ever. Default: 10000. Of connections that do not count their bytes it can not be told.
   */
  firstByteTimeoutMs?: number | undefined;
}

export interface CloseGrpcOptions {
  /**
   * For how many milliseconds calls under way may go on; what is left then is cut off. A call while a close is under way can
   * shorten its grace, never lengthen it. Default: 1000, as go-plugin's hosts wait 2000 before they kill.
   */
  graceMs?: number | undefined;
}

/** A gRPC server on one transport. */
export interface GrpcListener extends AsyncDisposable {
  /** The canonical endpoint, to hand to peers. */
  readonly endpoint: string;
  /**
   * Stops listening, lets calls under way finish, cuts off what is left at `graceMs`, and closes the transport. Idempotent;
   * concurrent callers share one outcome. The gRPC server itself goes on, on its other transports.
   */
  close(options?: CloseGrpcOptions): Promise<void>;
}

/**
 * Serves a grpc-js server on a transport, which keeps its address, limits and tidying up. TLS and mutual TLS work as with
 * `bindAsync`, whatever the transport.
 *
 * The transport is to be one that does not listen yet; a server may be served on several. `server.tryShutdown` and `forceShutdown`
 * know nothing of transports: close what this returns, first or instead.
 *
 * Rejects as the transport's `listen` does, and with `INVALID_ARGUMENT` for credentials that grpc-js does not take.
 */
export async function serveGrpc(
  server: Server,
  transport: Transport,
  credentials: ServerCredentials,
  options: ServeGrpcOptions = {},
): Promise<GrpcListener> {
  assertOptions(options);
  const firstByteTimeoutMs = durationOption('firstByteTimeoutMs', options.firstByteTimeoutMs, 10_000);
  const injector = createInjector(server, credentials);
  const diagnostics = new TransportDiagnostics(transport);
  const connections = new ConnectionSet<Duplex>(cutOff);
  try {
    const endpoint = await transport.listen({
      signal: options.signal,
      onConnection: (connection) => {
        connections.add(connection);
        ifSilent(connection, firstByteTimeoutMs, () => {
          connection.destroy();
          diagnostics.publish('drop', transport.endpoint, () => ({ reason: 'silent' }));
        });
        injector.injectConnection(connection);
        // Injection does not start a stream that was paused: every call would run into its deadline.
        if (connection.isPaused()) connection.resume();
      },
    });
    return new Listener(endpoint, transport, injector, connections);
  } catch (error) {
    injector.destroy();
    throw error;
  }
}

type ConnectionInjector = ReturnType<Server['createConnectionInjector']>;

function createInjector(server: Server, credentials: ServerCredentials): ConnectionInjector {
  try {
    return server.createConnectionInjector(credentials);
  } catch (error) {
    throw new TransportError('INVALID_ARGUMENT', `grpc-js refuses the server credentials: ${messageOf(error)}`, {
      hint: 'Give credentials made by the same copy of @grpc/grpc-js, such as ServerCredentials.createInsecure().',
      cause: error,
    });
  }
}

class Listener implements GrpcListener {
  readonly endpoint: string;
  readonly #transport: Transport;
  readonly #injector: ConnectionInjector;
  readonly #connections: ConnectionSet<Duplex>;
  #closed: Promise<void> | undefined;
  #deadline = Infinity;

  constructor(
    endpoint: string,
    transport: Transport,
    injector: ConnectionInjector,
    connections: ConnectionSet<Duplex>,
  ) {
    this.endpoint = endpoint;
    this.#transport = transport;
    this.#injector = injector;
    this.#connections = connections;
  }

  async close(options: CloseGrpcOptions = {}): Promise<void> {
    assertOptions(options);
    const graceMs = durationOption('graceMs', options.graceMs, 1000);
    this.#deadline = Math.min(this.#deadline, performance.now() + graceMs);
    this.#closed ??= this.#close();
    this.#connections.limitGrace(graceMs);
    await this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    try {
      // First of all: what is injected from here on would be served still.
      await this.#transport.stopListening();
    } finally {
      // Tells clients to go away and ends each session after its last call, like `drain` but without a timer that can not be
      // cleared.
      this.#injector.destroy();
      for (const connection of this.#connections) {
        if (isSilent(connection)) connection.destroy();
      }
      await this.#connections.ended();
      await this.#transport.close({ graceMs: Math.max(0, this.#deadline - performance.now()) });
    }
  }
}

/** Calls back when nothing has come from the peer in so many milliseconds. */
function ifSilent(connection: Duplex, ms: number, callback: () => void): void {
  const timer = startTimer(ms, () => {
    if (isSilent(connection)) callback();
  });
  connection.once('close', () => {
    clearTimeout(timer);
  });
}

/** Nothing has come from the peer, so there is no call to wait for, and no session that could be ended. */
function isSilent(connection: Duplex): boolean {
  return 'bytesRead' in connection && connection.bytesRead === 0;
}

/** How long a peer that is cut off has to end its side, in milliseconds. */
const CUT_OFF_MS = 20;

/**
 * Ends the stream under the session, and destroys what the peer does not end in return. Destroyed at once, the session may say
 * on its way out that calls ended without an error, which grpc-js clients report as INTERNAL, not as UNAVAILABLE.
 */
function cutOff(connection: Duplex): void {
  connection.end();
  const timer = setTimeout(() => connection.destroy(), CUT_OFF_MS);
  connection.once('close', () => {
    clearTimeout(timer);
  });
}
