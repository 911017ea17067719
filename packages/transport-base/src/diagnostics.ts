import { channel } from 'node:diagnostics_channel';
import type { Channel } from 'node:diagnostics_channel';
import type { Duplex } from 'node:stream';
import type {
  AcceptMessage,
  CloseMessage,
  ConnectMessage,
  DisconnectMessage,
  DropMessage,
  ErrorMessage,
  Transport,
  TransportMessage,
  WarningMessage,
} from '@rpcplugin/transport-core';
import { printIfAsked } from './debug-log.js';
import { toTransportError } from './system-errors.js';

/** What each message holds besides what all of them hold. */
interface Details {
  listen: object;
  connect: Omit<ConnectMessage, keyof TransportMessage>;
  accept: Omit<AcceptMessage, keyof TransportMessage>;
  disconnect: Omit<DisconnectMessage, keyof TransportMessage>;
  drop: Omit<DropMessage, keyof TransportMessage>;
  close: Omit<CloseMessage, keyof TransportMessage>;
  error: Omit<ErrorMessage, keyof TransportMessage>;
  warning: Omit<WarningMessage, keyof TransportMessage>;
}

const channels: Record<keyof Details, Channel> = {
  listen: channel('rpcplugin:transport:listen'),
  connect: channel('rpcplugin:transport:connect'),
  accept: channel('rpcplugin:transport:accept'),
  disconnect: channel('rpcplugin:transport:disconnect'),
  drop: channel('rpcplugin:transport:drop'),
  close: channel('rpcplugin:transport:close'),
  error: channel('rpcplugin:transport:error'),
  warning: channel('rpcplugin:transport:warning'),
};

printIfAsked(Object.values(channels).map(({ name }) => String(name)));

/** Publishes that a connection was closed by what serves the transport, before it was used. */
export function reportDrop(transport: Transport, reason: DropMessage['reason']): void {
  new TransportDiagnostics(transport).drop(transport.endpoint, reason);
}

/** The listeners of the connections of one endpoint. */
export interface ConnectionListeners<C> {
  readonly onError: (error: unknown) => void;
  readonly onClose: (this: C) => void;
}

/**
 * Publishes what a transport does on the `rpcplugin:transport:*` channels of `node:diagnostics_channel`. A message is
 * built only if its channel has subscribers.
 */
export class TransportDiagnostics {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** @param details - Returns what the message holds besides what all of them hold. */
  publish<N extends keyof Details>(name: N, endpoint: string | undefined, details: () => Details[N]): void {
    const channel = channels[name];
    if (!channel.hasSubscribers) return;
    channel.publish({ transport: this.#transport, network: this.#transport.network, endpoint, ...details() });
  }

  /** @param error - What was wrong, if it has to be said: any error, which is published as a `TransportError`. */
  drop(endpoint: string | undefined, reason: DropMessage['reason'], error?: unknown): void {
    this.publish('drop', endpoint, () =>
      error === undefined ? { reason } : { reason, error: toTransportError(error, 'accept', endpoint) },
    );
  }

  /** @param error - Any error; it is published as a `TransportError`. */
  error(
    endpoint: string | undefined,
    operation: ErrorMessage['operation'],
    error: unknown,
    details?: Pick<ErrorMessage, 'durationMs'>,
  ): void {
    this.publish('error', endpoint, () => ({
      operation,
      error: toTransportError(error, operation, endpoint),
      ...details,
    }));
  }

  /**
   * Listeners that publish what happens to the connections of an endpoint. They are shared, because listeners of its
   * own would be a good part of a connection's memory.
   */
  listenersFor<C extends Duplex>(
    endpointOf: () => string | undefined,
    connections: { readonly size: number },
  ): ConnectionListeners<C> {
    const publish = this.publish.bind(this);
    return {
      onError: (error) => {
        this.error(endpointOf(), 'connection', error);
      },
      onClose() {
        publish('disconnect', endpointOf(), () => ({ connection: this, open: connections.size }));
      },
    };
  }
}
