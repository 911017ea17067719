import type { Socket } from 'node:net';
import type { ChannelCredentials } from '@grpc/grpc-js';
import { noticeLostPeer, reportAsLost } from './lost-peer.js';

type SecureConnector = ReturnType<ChannelCredentials['_createSecureConnector']>;

/**
 * The sockets of one channel. `Channel.close` leaves those open on which HTTP/2 has not come about: it waits for a peer that may
 * never answer, forgets one whose TLS handshake is under way, and one that the server's TLS refused. They are destroyed here.
 */
export class ChannelSockets {
  readonly #live = new Set<Socket>();
  #abandoned = false;
  /** Whether the channel has connected a socket at all, whatever became of it. */
  hasConnected = false;

  /** Credentials that do as those given, and show each socket that the channel connects with them. */
  watch(credentials: ChannelCredentials): ChannelCredentials {
    const create: unknown = (credentials as Partial<ChannelCredentials> | null | undefined)?._createSecureConnector;
    // Not what grpc-js will take, or a version that goes another way.
    if (typeof create !== 'function') return credentials;
    return Object.create(credentials, {
      _createSecureConnector: {
        value: (...of: Parameters<ChannelCredentials['_createSecureConnector']>) =>
          this.#watched(credentials._createSecureConnector(...of)),
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

  /** For a channel that never was ready: destroys all that it has connected, and will. */
  abandon(): void {
    this.#abandoned = true;
    for (const socket of this.#live) socket.destroy();
  }

  /** For a channel that is closed: destroys the sockets on which nothing has come, so that no call can be under way. */
  destroySilent(): void {
    for (const socket of this.#live) {
      if (socket.bytesRead === 0) socket.destroy();
    }
  }
}
