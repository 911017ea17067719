import type { Socket } from 'node:net';
import type { ChannelCredentials } from '@grpc/grpc-js';
import { noticeLostPeer, reportAsLost } from './lost-peer.js';

type SecureConnector = ReturnType<ChannelCredentials['_createSecureConnector']>;

/**
 * Tracks the sockets of one channel, to destroy those that `Channel.close` leaves open because HTTP/2 never started on
 * them: it waits for a peer that may never answer, and forgets a socket whose TLS handshake is in progress or was
 * refused by the server.
 */
export class ChannelSockets {
  readonly #live = new Set<Socket>();
  #abandoned = false;
  /** Whether the channel ever connected a socket, even if that has closed since. */
  hasConnected = false;

  /** Wraps credentials so that every socket that the channel connects with them is tracked. */
  watch(credentials: ChannelCredentials): ChannelCredentials {
    const create: unknown = (credentials as Partial<ChannelCredentials> | null | undefined)?._createSecureConnector;
    // Either grpc-js will reject these credentials, or this version of it connects in another way.
    if (typeof create !== 'function') return credentials;
    return Object.create(credentials, {
      _createSecureConnector: {
        value: (...args: Parameters<ChannelCredentials['_createSecureConnector']>) =>
          this.#watched(credentials._createSecureConnector(...args)),
      },
    }) as ChannelCredentials;
  }

  #watched(connector: SecureConnector): SecureConnector {
    return {
      connect: async (socket) => {
        this.#add(socket);
        const connected = await connector.connect(socket);
        reportAsLost(connected.socket);
        if (connected.secure) {
          reportAsLost(socket);
          noticeLostPeer(socket, connected.socket);
        }
        return connected;
      },
      waitForReady: () => connector.waitForReady(),
      getCallCredentials: () => connector.getCallCredentials(),
      destroy: () => {
        connector.destroy();
      },
    };
  }

  #add(socket: Socket): void {
    this.hasConnected = true;
    this.#live.add(socket);
    socket.once('close', () => this.#live.delete(socket));
    if (this.#abandoned) socket.destroy();
  }

  /** For a channel that was never ready: destroys every socket that it connected, or connects later. */
  abandon(): void {
    this.#abandoned = true;
    for (const socket of this.#live) socket.destroy();
  }

  /** For a closed channel: destroys the sockets that received nothing, so that no call can be in progress on them. */
  destroySilent(): void {
    for (const socket of this.#live) {
      if (socket.bytesRead === 0) socket.destroy();
    }
  }
}
