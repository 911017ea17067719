import { parseUnixEndpoint } from '@rpcplugin/endpoint-utils';
import { connectSocket, proxyProtocolOption, socketOptions, SocketTransport } from '@rpcplugin/transport-base';
import type { Dialer, Listener, AcceptOptions } from '@rpcplugin/transport-base';
import { TransportError } from '@rpcplugin/transport-core';
import type { TransportFactory } from '@rpcplugin/transport-core';
import { inheritedUnixListener } from './inherited-listener.js';
import { unixListener } from './listener.js';
import { socketPlacement } from './options.js';
import type { SocketPlacement, UnixSocketTransportOptions } from './options.js';

/**
 * Listens on and connects to unix domain sockets: `unix:/run/plugin.sock`.
 *
 * A socket file has its final mode and group before other processes can see it. A stale socket is replaced. A live
 * socket or any other file is never touched. Only the file that the transport created is removed.
 *
 * `listen` adds these codes to those of `Transport`: `PATH_TOO_LONG`, `NOT_A_SOCKET`, `NOT_FOUND` if part of the path
 * is not a directory, and `INVALID_ARGUMENT` for an unknown group. `connect` adds `PATH_TOO_LONG`, `NOT_A_SOCKET` and
 * `PERMISSION_DENIED`.
 */
export class UnixSocketTransport extends SocketTransport {
  readonly #placement: SocketPlacement;
  readonly #options: AcceptOptions;

  /**
   * @throws TransportError `INVALID_ARGUMENT` for an option that cannot be used, `PATH_TOO_LONG` for the path, and
   *   `UNSUPPORTED` on Windows. For `fd` also `NOT_A_SOCKET`, and `UNSUPPORTED` in workers of `node:cluster`.
   */
  constructor(options: UnixSocketTransportOptions = {}) {
    if (!isSupported()) {
      throw new TransportError('UNSUPPORTED', 'Windows has no unix sockets with permissions', {
        hint: 'Use TCPSocketTransport from @rpcplugin/transport-tcp, or let negotiateTransport choose.',
      });
    }
    super('unix');
    this.#options = { ...socketOptions(options), proxyProtocol: proxyProtocolOption(options.proxyProtocol) };
    this.#placement = socketPlacement(options);
  }

  protected override listener(): Listener {
    const { inherited, path } = this.#placement;
    return inherited === undefined
      ? unixListener(this.#placement, this.#options)
      : inheritedUnixListener(inherited, path, this.#options);
  }

  protected override dialer(endpoint: string): Dialer {
    const { path } = parseUnixEndpoint(endpoint);
    return {
      endpoint: `unix:${path}`,
      waitMs: 1000,
      retryMs: 2,
      path,
      attempt: (context) => connectSocket({ path }, context),
    };
  }
}

/**
 * Creates unix socket transports, for `negotiateTransport`. Supported on every platform except Windows.
 *
 * @param options - The options, or a function that returns them. It is called for each transport that is created, so
 *   options that cannot be used, such as those of `unixOptionsFromEnv`, do not matter if another network is chosen.
 */
export function unixTransportFactory(
  options?: UnixSocketTransportOptions | (() => UnixSocketTransportOptions),
): TransportFactory<UnixSocketTransport> {
  return {
    network: 'unix',
    isSupported,
    create: () => new UnixSocketTransport(typeof options === 'function' ? options() : options),
  };
}

function isSupported(): boolean {
  return process.platform !== 'win32';
}
