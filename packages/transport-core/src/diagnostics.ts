import { channel } from 'node:diagnostics_channel';
import type { Channel } from 'node:diagnostics_channel';
import type { Duplex } from 'node:stream';
import { toTransportError } from './errno.js';
import type { TransportError } from './errors.js';
import type { Transport } from './transport.js';

/** What every diagnostics message of a transport holds. */
export interface TransportMessage {
  transport: Transport;
  /** The go-plugin network name. */
  network: string;
  /** The canonical endpoint that the message is about; `undefined` where none is known. */
  endpoint: string | undefined;
}

/** `rpcplugin:transport:listen`: an address accepts connections. */
export type ListenMessage = TransportMessage;

/** `rpcplugin:transport:connect`: a `connect` succeeded. */
export interface ConnectMessage extends TransportMessage {
  connection: Duplex;
}

/** `rpcplugin:transport:accept`: a connection was accepted and is about to reach its handler. */
export interface AcceptMessage extends TransportMessage {
  connection: Duplex;
}

/** `rpcplugin:transport:drop`: a connection was closed before anything was made of it. */
export interface DropMessage extends TransportMessage {
  /**
   * `maxConnections`: the limit was reached. `closing`: the transport is being closed. `silent`: nothing came from the peer in
   * the time that it has in what serves the transport (`firstByteTimeoutMs` of `serveGrpc`).
   */
  reason: 'maxConnections' | 'closing' | 'silent';
}

/** `rpcplugin:transport:close`: a transport has closed. */
export interface CloseMessage extends TransportMessage {
  /** How many connections were destroyed because they had not ended within the grace. */
  destroyed: number;
}

/** `rpcplugin:transport:error`: something failed, whether or not a caller hears of it. */
export interface ErrorMessage extends TransportMessage {
  /**
   * What failed: a call, the caller's `onConnection`, a connection, or the accepting of connections. That a connection was closed for
   * want of descriptors is not to be heard of, except on Windows: Node does not say so.
   */
  operation: 'listen' | 'connect' | 'close' | 'handler' | 'connection' | 'accept';
  error: TransportError;
}

/** What messages hold beside what all do. */
interface Details {
  listen: object;
  connect: Pick<ConnectMessage, 'connection'>;
  accept: Pick<AcceptMessage, 'connection'>;
  drop: Pick<DropMessage, 'reason'>;
  close: Pick<CloseMessage, 'destroyed'>;
  error: Pick<ErrorMessage, 'operation' | 'error'>;
}

const channels: Record<keyof Details, Channel> = {
  listen: channel('rpcplugin:transport:listen'),
  connect: channel('rpcplugin:transport:connect'),
  accept: channel('rpcplugin:transport:accept'),
  drop: channel('rpcplugin:transport:drop'),
  close: channel('rpcplugin:transport:close'),
  error: channel('rpcplugin:transport:error'),
};

/**
 * Publishes what happens in one transport on the `node:diagnostics_channel` channels above. A message is built only if somebody has
 * subscribed to its channel.
 */
export class TransportDiagnostics {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** @param details - Makes what the message holds beside what all hold. */
  publish<N extends keyof Details>(name: N, endpoint: string | undefined, details: () => Details[N]): void {
    const channel = channels[name];
    if (!channel.hasSubscribers) return;
    channel.publish({ transport: this.#transport, network: this.#transport.network, endpoint, ...details() });
  }

  /** @param error - Anything; what is published is a `TransportError`. */
  error(endpoint: string | undefined, operation: ErrorMessage['operation'], error: unknown): void {
    this.publish('error', endpoint, () => ({ operation, error: toTransportError(error, operation, endpoint) }));
  }
}
