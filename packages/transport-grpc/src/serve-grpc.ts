import type { Duplex } from 'node:stream';
import type { Server, ServerCredentials } from '@grpc/grpc-js';
import { assertOptions, durationOption, messageOf, reportDrop } from '@rpcplugin/transport-base';
import { TransportError } from '@rpcplugin/transport-core';
import type { Transport } from '@rpcplugin/transport-core';
import { paceCalls } from './call-pacing.js';
import { pingIntervalOption } from './call-pings.js';
import { watchServer } from './connection-watch.js';
import { graceOption } from './grpc-connection.js';
import type { CloseGrpcOptions } from './grpc-connection.js';
import { createInjector, hookSessions, namePeer } from './grpc-js-hooks.js';
import { PeerConnections } from './peers.js';
import type { GrpcPeers } from './peers.js';

/** Options of {@link serveGrpc}. */
export interface ServeGrpcOptions {
  /** Cancels a pending `serveGrpc` (`ABORTED`). Has no effect once it has settled. */
  readonly signal?: AbortSignal | undefined;
  /**
   * How long a new connection may take to begin HTTP/2, TLS handshake included, before it is closed, in milliseconds.
   * `Infinity` means for ever. Default: 10000.
   */
  readonly handshakeTimeoutMs?: number | undefined;
  /**
   * How often to ping the clients over TCP while calls are in progress, in milliseconds. If nothing arrives for as long
   * after a ping, 50 s at most, the connection is lost. `Infinity` means never. Default: 310000.
   */
  readonly pingIntervalMs?: number | undefined;
}

/** A gRPC server that listens on one transport. */
export interface GrpcListener extends GrpcPeers, AsyncDisposable {
  /** The network of the transport, for the handshake with the host. */
  readonly network: string;
  /** The canonical endpoint, to give to peers. */
  readonly endpoint: string;
  /**
   * Stops listening, lets calls in progress finish, cuts off those that take longer than `graceMs`, and closes the
   * transport. Idempotent; concurrent callers share one outcome. The gRPC server keeps serving its other transports.
   */
  close(options?: CloseGrpcOptions): Promise<void>;
}

/**
 * Serves a grpc-js server on a transport. The address, limits and cleanup stay with the transport. TLS and mutual TLS
 * work as with `bindAsync`, on any transport.
 *
 * The transport must not be listening yet. A server can be served on several transports. `server.tryShutdown` and
 * `forceShutdown` do not know about transports: close the returned listener first or instead.
 *
 * Rejects like the transport's `listen`; with `INVALID_ARGUMENT` for credentials that grpc-js rejects; with
 * `UNSUPPORTED` if it cannot serve with this version of grpc-js, and for TLS on Bun.
 */
export async function serveGrpc(
  server: Server,
  transport: Transport,
  credentials: ServerCredentials,
  options: ServeGrpcOptions = {},
): Promise<GrpcListener> {
  assertOptions(options);
  const handshakeTimeoutMs = durationOption('handshakeTimeoutMs', options.handshakeTimeoutMs, 10_000);
  const pingIntervalMs = pingIntervalOption(options.pingIntervalMs);
  const connections = new PeerConnections(cutOff);
  const injector = createHookedInjector(server, credentials, connections, pingIntervalMs);
  try {
    const endpoint = await transport.listen({
      signal: options.signal,
      onConnection: (connection, { client }) => {
        // A connection that needed time to be accepted: the sessions have been asked to end.
        if (connections.handshakesEnded) {
          connection.destroy();
          return;
        }
        namePeer(connection, client, transport.endpoint ?? transport.network);
        connections.beginHandshake(connection, handshakeTimeoutMs, () => {
          connection.destroy();
          reportDrop(transport, 'handshake');
        });
        injector.injectConnection(connection);
        // Injection does not resume a paused stream: every call would exceed its deadline.
        if (connection.isPaused()) connection.resume();
      },
    });
    return new Listener(endpoint, transport, injector, connections);
  } catch (error) {
    injector.destroy();
    throw error;
  }
}

function createHookedInjector(
  server: Server,
  credentials: ServerCredentials,
  connections: PeerConnections,
  pingIntervalMs: number,
): ConnectionInjector {
  let injector: ConnectionInjector;
  try {
    injector = createInjector(server, credentials);
  } catch (error) {
    throw new TransportError('INVALID_ARGUMENT', `grpc-js rejects the server credentials: ${messageOf(error)}`, {
      hint: 'Give credentials made by the same copy of @grpc/grpc-js, such as ServerCredentials.createInsecure().',
      cause: error,
    });
  }
  try {
    hookSessions(server, (connection, session) => {
      session.once('remoteSettings', () => {
        connections.endHandshake(connection);
      });
      paceCalls(connection, session);
      watchServer(connection, session, pingIntervalMs, () => {
        cutOff(connection);
      });
    });
  } catch (error) {
    injector.destroy();
    throw error;
  }
  return injector;
}

type ConnectionInjector = ReturnType<typeof createInjector>;

class Listener implements GrpcListener {
  readonly network: string;
  readonly endpoint: string;
  readonly #transport: Transport;
  readonly #injector: ConnectionInjector;
  readonly #connections: PeerConnections;

  constructor(endpoint: string, transport: Transport, injector: ConnectionInjector, connections: PeerConnections) {
    this.network = transport.network;
    this.endpoint = endpoint;
    this.#transport = transport;
    this.#injector = injector;
    this.#connections = connections;
  }

  get connections(): number {
    return this.#connections.connections;
  }

  onDisconnect(listener: (connections: number) => void): () => void {
    return this.#connections.onDisconnect(listener);
  }

  async close(options: CloseGrpcOptions = {}): Promise<void> {
    await this.#connections.close(graceOption(options), () => this.#close());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    try {
      // First, because a connection that is injected later would still be served.
      await this.#transport.stopListening();
    } finally {
      // Sends GOAWAY and ends each session after its last call, like `drain` but without a timer that cannot be
      // cleared.
      this.#injector.destroy();
      // The client may have sent calls already. It repeats those that GOAWAY refuses, but not those on a connection
      // that is reset.
      this.#connections.endHandshakes(destroySoon);
      await this.#connections.ended();
      await this.#transport.close({ graceMs: this.#connections.graceLeftMs });
    }
  }
}

/** How long a peer may take to end its side when it is cut off, in milliseconds. */
const CUT_OFF_MS = 20;

/**
 * Ends the stream below the session, and destroys it if the peer does not end it in return. If it were destroyed at
 * once, the session might tell the client that calls ended without an error, which grpc-js reports as INTERNAL instead
 * of UNAVAILABLE.
 */
function cutOff(connection: Duplex): void {
  connection.end();
  destroySoon(connection);
}

function destroySoon(connection: Duplex): void {
  const timer = setTimeout(() => connection.destroy(), CUT_OFF_MS);
  connection.once('close', () => {
    clearTimeout(timer);
  });
}
