import { TransportError } from '@rpcplugin/transport-core';
import type { ListenOptions } from '@rpcplugin/transport-core';
import { assertOptions } from './options.js';
import { StreamTransport } from './stream-transport.js';

/** Options of {@link SocketTransport.hold}. */
export type HoldOptions = Pick<ListenOptions, 'signal'>;

/** A socket that listens without accepting. */
export interface HeldSocket {
  /** The canonical endpoint. */
  readonly endpoint: string;
  /** The descriptor, for `stdio` of `spawn`: the index there is its number in the child. The transport closes it. */
  readonly fd: number;
}

/** A transport whose listener is a `net.Server`, started by `listenSocket`. So its socket can also be held. */
export abstract class SocketTransport extends StreamTransport {
  /**
   * Listens like {@link listen}, but accepts nothing: for a host whose plugins listen on the descriptor, with their
   * option `fd`. Connections wait in the queue of the socket while there is no plugin, such as between one that ends
   * and the next. Every process that listens on the descriptor accepts some of them, so this one must not.
   *
   * The socket is held until {@link stopListening} or {@link close}, which remove its file. It does not keep this
   * process running. Each plugin closes its own copy of the descriptor when it stops listening or ends.
   *
   * Rejects like {@link listen}, and with `UNSUPPORTED` on Windows, Bun and Deno, which have no way to do it.
   */
  async hold(options: HoldOptions = {}): Promise<HeldSocket> {
    assertOptions(options);
    let fd: number | undefined;
    const endpoint = await this.openListener({ signal: options.signal }, (held) => {
      fd = held;
    });
    if (fd !== undefined) return { endpoint, fd };
    await this.stopListening();
    throw new TransportError('UNSUPPORTED', 'the listener has no socket to hold', { endpoint });
  }
}
