import type { ErrorMessage } from '@rpcplugin/transport-core';
import type { Level, Logger } from 'pino';
import { onMessages } from './messages.js';

/** Peers leave, and plugins are not there yet, every day; the rest is a mistake or a lack of something. */
const levels: Partial<Record<ErrorMessage['operation'], Level>> = { connect: 'warn', connection: 'warn' };

/**
 * Logs what every transport of this process does. In a plugin, let the logger write to standard error, as
 * `pino(pino.destination(2))` does: the host reads the handshake line from standard output.
 *
 * @returns A function that ends it.
 */
export function logTransports(logger: Logger): () => void {
  return onMessages({
    listen({ network, endpoint }) {
      logger.info({ network, endpoint }, 'listening');
    },
    connect({ network, endpoint, durationMs }) {
      logger.debug({ network, endpoint, durationMs }, 'connected');
    },
    accept({ network, endpoint }) {
      logger.debug({ network, endpoint }, 'accepted a connection');
    },
    disconnect({ network, endpoint, open }) {
      logger.debug({ network, endpoint, open }, 'a connection closed');
    },
    drop({ network, endpoint, reason, error }) {
      logger.warn({ network, endpoint, reason, err: error }, 'dropped a connection');
    },
    close({ network, endpoint, destroyed }) {
      logger.info({ network, endpoint, destroyed }, 'closed');
    },
    error({ network, endpoint, operation, error, durationMs }) {
      // The key that pino's serializer of errors has.
      logger[levels[operation] ?? 'error']({ network, endpoint, operation, durationMs, err: error }, error.message);
    },
    warning({ network, endpoint, what, cause }) {
      logger.warn({ network, endpoint, err: cause }, what);
    },
  });
}
