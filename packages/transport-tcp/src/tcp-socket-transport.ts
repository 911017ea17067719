import type { Socket } from 'node:net';
import { socketOptions, SocketTransport } from '@rpcplugin/transport-base';
import type { Dialer, InheritedSocket, Listener, AcceptOptions } from '@rpcplugin/transport-base';
import type { TransportFactory } from '@rpcplugin/transport-core';
import { connectionSettings, listenAddress } from './options.js';
import type { ConnectionSettings, ListenAddress, TCPSocketTransportOptions } from './options.js';
import { tcpDialer } from './dialer.js';
import { inheritedTcpListener, tcpListener } from './listener.js';
import { tcpProxyProtocol } from './trusted-proxies.js';

/**
 * Listens on and connects to TCP endpoints: `127.0.0.1:50051`, `[::1]:50051`, `host.example:50051`. Every connection
 * has `TCP_NODELAY`, and TCP keep-alive with `keepAliveMs`.
 *
 * `listen` adds `DNS_FAILURE` to the codes of `Transport`; a range without a free port is `ADDRESS_IN_USE`. `connect`
 * adds `DNS_FAILURE` and `ADDRESS_NOT_AVAILABLE`; if all addresses of a name fail, the message lists what happened at
 * each.
 *
 * On a socket that was handed over, the option `fd`, `listen` adds `INVALID_ARGUMENT` and `NOT_A_SOCKET` instead.
 */
export class TCPSocketTransport extends SocketTransport {
  readonly #address: ListenAddress | InheritedSocket;
  readonly #settings: ConnectionSettings;
  readonly #options: AcceptOptions;

  /**
   * @throws TransportError `INVALID_ARGUMENT` for an option that cannot be used; for `fd` also `NOT_A_SOCKET`, and
   *   `UNSUPPORTED` on Windows and in workers of `node:cluster`.
   */
  constructor(options: TCPSocketTransportOptions = {}) {
    super('tcp');
    this.#options = { ...socketOptions(options), proxyProtocol: tcpProxyProtocol(options.proxyProtocol) };
    this.#address = listenAddress(options);
    this.#settings = connectionSettings(options);
  }

  protected override listener(): Listener {
    const address = this.#address;
    return 'fd' in address
      ? inheritedTcpListener(address, this.#settings, this.#options)
      : tcpListener(address, this.#settings, this.#options);
  }

  protected override dialer(endpoint: string): Dialer {
    return tcpDialer(endpoint, this.#settings);
  }

  /** Resets the connection, so that the peer learns that it was cut off. */
  protected override cutOff(socket: Socket): void {
    // The peer has disconnected.
    if (socket.remoteFamily === undefined) socket.destroy();
    // libuv cannot reset a socket while shutdown(2) is in progress, and Node would leak its descriptor. It takes no
    // time: the kernel has all the data.
    else if (isShuttingDown(socket)) socket.once('finish', () => socket.resetAndDestroy());
    else socket.resetAndDestroy();
  }
}

/**
 * Creates TCP transports, for `negotiateTransport`. Every platform supports TCP.
 *
 * @param options - The options, or a function that returns them. It is called for each transport that is created, so
 *   options that cannot be used, such as those of `tcpOptionsFromEnv`, do not matter if another network is chosen.
 */
export function tcpTransportFactory(
  options?: TCPSocketTransportOptions | (() => TCPSocketTransportOptions),
): TransportFactory<TCPSocketTransport> {
  return {
    network: 'tcp',
    isSupported: () => true,
    create: () => new TCPSocketTransport(typeof options === 'function' ? options() : options),
  };
}

function isShuttingDown(socket: Socket): boolean {
  return socket.writableEnded && !socket.writableFinished && socket.writableLength === 0;
}
