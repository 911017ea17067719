import type { Duplex } from 'node:stream';
import type { TransportError } from './errors.js';
import type { Transport } from './transport.js';

/** What every message on a `rpcplugin:transport:*` channel of `node:diagnostics_channel` holds. */
export interface TransportMessage {
  /** The transport that published it. */
  readonly transport: Transport;
  /** The go-plugin network name. */
  readonly network: string;
  /** The canonical endpoint that the message is about; `undefined` if none is known. */
  readonly endpoint: string | undefined;
}

/** `rpcplugin:transport:listen`: a transport started listening. */
export type ListenMessage = TransportMessage;

/** `rpcplugin:transport:connect`: a `connect` succeeded. */
export interface ConnectMessage extends TransportMessage {
  /** The connection, before any of its data flows. */
  readonly connection: Duplex;
  /** How many milliseconds the call took, with all its attempts. */
  readonly durationMs: number;
}

/** `rpcplugin:transport:accept`: a connection was accepted; its handler is called next. */
export interface AcceptMessage extends TransportMessage {
  /** The connection, before any of its data flows. */
  readonly connection: Duplex;
}

/**
 * `rpcplugin:transport:disconnect`: a connection closed that was accepted or connected. One for each of those. For one
 * that was handed to another process, it is published when the transport notices, at the latest when that closes.
 */
export interface DisconnectMessage extends TransportMessage {
  /** The connection, closed. */
  readonly connection: Duplex;
  /** How many connections of the transport are still open. */
  readonly open: number;
}

/** `rpcplugin:transport:drop`: a connection was closed before it was used. */
export interface DropMessage extends TransportMessage {
  /**
   * - `maxConnections`: the limit was reached.
   * - `closing`: the transport is closing.
   * - `handshake`: the peer did not begin its protocol within the time limit.
   * - `proxyProtocol`: the peer is not one of the proxies that may connect (`PERMISSION_DENIED`), or did not tell the
   *   client's address (`IO`) within the time limit (`TIMEOUT`).
   */
  readonly reason: 'maxConnections' | 'closing' | 'handshake' | 'proxyProtocol';
  /** What was wrong. Only with `proxyProtocol`. */
  readonly error?: TransportError | undefined;
}

/** `rpcplugin:transport:close`: a transport closed. */
export interface CloseMessage extends TransportMessage {
  /** How many connections were destroyed because they were still open after the grace period. */
  readonly destroyed: number;
}

/** `rpcplugin:transport:error`: something failed, whether or not a caller learns of it. */
export interface ErrorMessage extends TransportMessage {
  /**
   * What failed: a call, the caller's `onConnection`, a connection, or accepting one. Node does not report connections
   * that it closes because the process is out of file descriptors, except on Windows.
   */
  readonly operation: 'listen' | 'connect' | 'close' | 'handler' | 'connection' | 'accept';
  /** The error, which a caller may have received as well. */
  readonly error: TransportError;
  /** How many milliseconds the call took until it failed. Only with `connect`. */
  readonly durationMs?: number | undefined;
}

/**
 * `rpcplugin:transport:warning`: a transport works, but not as well as it should, such as without a protection that
 * this machine does not offer, or with its socket file removed by someone else.
 */
export interface WarningMessage extends Omit<TransportMessage, 'transport'> {
  /** The transport that published it; `undefined` for a host's directory. */
  readonly transport: Transport | undefined;
  /** What is wrong, in English. Not covered by semantic versioning. */
  readonly what: string;
  /** The error that led to it, if there is one. */
  readonly cause: unknown;
}
