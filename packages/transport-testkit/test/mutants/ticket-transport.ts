import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { accessSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectSocket, listenSocket, StreamTransport } from '@rpcplugin/transport-base';
import type { Dialer, Listener } from '@rpcplugin/transport-base';
import { TransportError } from '@rpcplugin/transport-core';

type Hasty = 'dialer' | 'listener';

/**
 * TCP with a file for each connection: the dialer creates it and sends its name, the listener looks for it and
 * answers, and the dialer removes it. The hasty side sends its message before it touches the file.
 */
export function ticketTransport(hasty: Hasty): new () => StreamTransport {
  return class extends StreamTransport {
    constructor() {
      super('ticket');
    }

    protected override listener(): Listener {
      return {
        open: async ({ accept, ...context }) => {
          const admit = (socket: Socket): void => {
            socket.once('readable', () => {
              const ticket = String(socket.read());
              try {
                if (hasty === 'listener') socket.write('!');
                accessSync(ticket);
                if (hasty === 'dialer') socket.write('!');
                accept(socket);
              } catch {
                socket.destroy();
              }
            });
          };
          const address = await listenSocket({ host: '127.0.0.1', port: 0 }, {}, { ...context, accept: admit });
          return `ticket:${(address as AddressInfo).port}`;
        },
      };
    }

    protected override dialer(endpoint: string): Dialer {
      const attempt: Dialer['attempt'] = async (context) => {
        const socket = await connectSocket(
          { host: '127.0.0.1', port: Number(endpoint.replace('ticket:', '')) },
          context,
        );
        const ticket = join(tmpdir(), randomUUID());
        try {
          if (hasty === 'dialer') socket.write(ticket);
          writeFileSync(ticket, '');
          if (hasty === 'listener') socket.write(ticket);
          await once(socket, 'readable', { signal: context.operation.signal });
          if (socket.read(1) === null) throw new TransportError('CONNECTION_REFUSED', 'the listener found no ticket');
          return socket;
        } catch (error) {
          socket.destroy();
          throw error;
        } finally {
          rmSync(ticket, { force: true });
        }
      };
      return { endpoint, retryMs: 1, attempt };
    }
  };
}
