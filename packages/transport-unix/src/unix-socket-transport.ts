import type { Server } from 'node:net';
import { dirname } from 'node:path';
import { parseUnixEndpoint } from '@rpcplugin/endpoint-utils';
import {
  connectSocket,
  errnoOf,
  listenHints,
  SocketTransport,
  toTransportError,
  TransportError,
} from '@rpcplugin/transport-core';
import type { Dialer, Operation, TransportFactory } from '@rpcplugin/transport-core';
import { groupId } from './group.js';
import { HeldDirectory } from './held-directory.js';
import { socketPlacement } from './options.js';
import type { SocketPlacement, UnixSocketTransportOptions } from './options.js';
import { withPathLock } from './path-lock.js';
import { publishSocket } from './socket-file.js';
import { socketPlace } from './socket-place.js';
import { TidyUp } from './tidy-up.js';

/** How often to make the directory of a socket again that somebody removes. */
const MAX_ATTEMPTS = 100;

/**
 * Listens on and connects to unix domain sockets: `unix:/run/plugin.sock`.
 *
 * A socket file has its final mode and group before anybody can see it. One that nobody listens on any more is replaced; one
 * that is alive, and anything that is not a socket, is never touched; and only the very file that was made is removed.
 *
 * `listen` adds these codes to those of `Transport`: `PATH_TOO_LONG`, `NOT_A_SOCKET`, `NOT_FOUND` for a directory that is not
 * one, and `INVALID_ARGUMENT` for an unknown group. `connect` adds `PATH_TOO_LONG`, `NOT_A_SOCKET` and `PERMISSION_DENIED`.
 */
export class UnixSocketTransport extends SocketTransport {
  readonly #placement: SocketPlacement;
  #tidyUp = new TidyUp();

  /**
   * @throws TransportError `INVALID_ARGUMENT` for an option that can not be used, `PATH_TOO_LONG` for such a path, and
   *   `UNSUPPORTED` on Windows.
   */
  constructor(options: UnixSocketTransportOptions = {}) {
    if (!isSupported()) {
      throw new TransportError('UNSUPPORTED', 'there are no unix sockets with permissions on Windows', {
        hint: 'Use TCPSocketTransport of @rpcplugin/transport-tcp, or let negotiateTransport choose.',
      });
    }
    super('unix', options, { waitMs: 1000, pollMs: 2 });
    this.#placement = socketPlacement(options);
  }

  protected override async bind(server: Server, operation: Operation): Promise<string> {
    const { group } = this.#placement;
    const gid = group === undefined ? undefined : await groupId(group, operation.signal);
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#publish(server, gid, operation);
      } catch (error) {
        // Somebody removed the directory while it was empty, as a transport that closes does with one that it made.
        const isGone = error instanceof Error && errnoOf(error.cause) === 'ENOENT' && !server.listening;
        if (!isGone || attempt === MAX_ATTEMPTS) throw error;
      }
    }
  }

  async #publish(server: Server, gid: number | undefined, operation: Operation): Promise<string> {
    const { mode } = this.#placement;
    const tidyUp = new TidyUp();
    let endpoint: string | undefined;
    try {
      const path = await socketPlace(this.#placement, gid, tidyUp);
      endpoint = `unix:${parseUnixEndpoint(path).path}`;
      const directory = HeldDirectory.open(dirname(path));
      tidyUp.defer(() => {
        directory.close();
      });
      const bind = (address: string): Promise<void> => this.startServer(server, { path: address });
      await withPathLock(path, directory, operation, (isLocked) =>
        publishSocket(path, { directory, bind, mode, gid, tidyUp, isLocked, operation }),
      );
      this.#tidyUp = tidyUp;
      return endpoint;
    } catch (error) {
      tidyUp.runQuietly();
      throw toTransportError(error, `listen on ${endpoint ?? 'a unix socket'}`, endpoint, listenHints);
    }
  }

  // Before the server's descriptor is closed: a file whose listener has gone looks stale to others.
  protected override unbind(): void {
    this.#tidyUp.run();
  }

  protected override dialer(text: string): Dialer {
    const { path } = parseUnixEndpoint(text);
    return {
      endpoint: `unix:${path}`,
      path,
      attempt: ({ allowHalfOpen, operation }) => connectSocket({ path, allowHalfOpen }, operation),
    };
  }
}

/** Makes unix socket transports, for `negotiateTransport`. Every platform but Windows has them. */
export function unixTransportFactory(options?: UnixSocketTransportOptions): TransportFactory<UnixSocketTransport> {
  return { network: 'unix', isSupported, create: () => new UnixSocketTransport(options) };
}

function isSupported(): boolean {
  return process.platform !== 'win32';
}
