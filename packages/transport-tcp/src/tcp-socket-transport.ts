import { isIP } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { joinHostPort, parseTcpEndpoint } from '@rpcplugin/endpoint-utils';
import {
  connectSocket,
  errorCodeOf,
  hostHints,
  listenHints,
  quote,
  SocketTransport,
  toTransportError,
  TransportError,
} from '@rpcplugin/transport-core';
import type { Dialer, Operation, TransportFactory } from '@rpcplugin/transport-core';
import { connectFirst } from './connect-first.js';
import { listenAddress } from './options.js';
import type { ListenAddress, TCPSocketTransportOptions } from './options.js';
import { interleaveFamilies, resolveHost } from './resolve-host.js';
import { refuseSelfConnection } from './self-connection.js';

/**
 * Listens on and connects to TCP endpoints: `127.0.0.1:50051`, `[::1]:50051`, `host.example:50051`. Every connection has
 * `TCP_NODELAY` and keep-alive on.
 *
 * `listen` adds no codes to those of `Transport`; a range without a free port is `ADDRESS_IN_USE`. `connect` adds
 * `DNS_FAILURE` and `ADDRESS_NOT_AVAILABLE`; when all addresses of a name fail, the message lists what happened at each.
 */
export class TCPSocketTransport extends SocketTransport {
  readonly #address: ListenAddress;

  /** @throws TransportError `INVALID_ARGUMENT` for an option that can not be used. */
  constructor(options: TCPSocketTransportOptions = {}) {
    super('tcp', options, { waitMs: 0, pollMs: 8, hints: hostHints });
    this.#address = listenAddress(options);
  }

  protected override async bind(server: Server, operation: Operation): Promise<string> {
    const { host, ports } = this.#address;
    const addresses = await resolveHost(host, operation).catch((error: unknown) => {
      throw bindError(error, host, { min: ports.min, max: ports.min });
    });
    // As Go's net.Listen does with a name: one of its addresses, IPv4 if there is one.
    const address = (addresses.find(({ family }) => family === 4) ?? addresses[0])?.address ?? host;
    for (let port = ports.min; ; port++) {
      operation.throwIfGivenUp();
      try {
        // The port is bound at once and kept. One that is probed first can be gone when it is bound.
        await this.startServer(server, { host: address, port });
        return joinHostPort(address, (server.address() as AddressInfo).port);
      } catch (error) {
        if (port === ports.max) throw bindError(error, address, ports);
        if (!isTaken(error)) throw bindError(error, address, { min: port, max: port });
      }
    }
  }

  protected override unbind(): void {
    // A port is nothing but the server's descriptor.
  }

  /** By a reset, so that the peer learns that it was cut off. */
  protected override cutOff(socket: Socket): void {
    // Its peer has gone.
    if (socket.remoteFamily === undefined) socket.destroy();
    // libuv refuses to reset a socket in whose shutdown(2) it is, and Node loses the descriptor then. That takes no time: all
    // that was written is with the kernel.
    else if (isShuttingDown(socket)) socket.once('finish', () => socket.resetAndDestroy());
    else socket.resetAndDestroy();
  }

  protected override dialer(text: string): Dialer {
    const { host, port } = parseTcpEndpoint(text);
    if (port === 0) {
      throw new TransportError('INVALID_ENDPOINT', `${quote(text)} is not an endpoint to connect to`, {
        endpoint: text,
        hint: 'Port 0 lets a listener choose its port. Connect to the endpoint that its listen returned.',
      });
    }
    return {
      endpoint: joinHostPort(host, port),
      attempt: ({ allowHalfOpen, operation }) => {
        const dial = (address: string, attempt: Operation): Promise<Socket> =>
          connectSocket({ host: address, port, allowHalfOpen, noDelay: true, keepAlive: true }, attempt).then(
            (socket) => refuseSelfConnection(socket, port),
          );
        return isIP(host) === 0 ? dialName(host, dial, operation) : dial(host, operation);
      },
    };
  }
}

/** Connects to one of the addresses of a name. */
async function dialName(
  name: string,
  dial: (address: string, attempt: Operation) => Promise<Socket>,
  operation: Operation,
): Promise<Socket> {
  const addresses = interleaveFamilies(await resolveHost(name, operation));
  return connectFirst(
    addresses.map(
      ({ address }) =>
        (attempt) =>
          dial(address, attempt),
    ),
    operation,
  );
}

/** Makes TCP transports, for `negotiateTransport`. Every platform has them. */
export function tcpTransportFactory(options?: TCPSocketTransportOptions): TransportFactory<TCPSocketTransport> {
  return { network: 'tcp', isSupported: () => true, create: () => new TCPSocketTransport(options) };
}

function isShuttingDown(socket: Socket): boolean {
  return socket.writableEnded && !socket.writableFinished && socket.writableLength === 0;
}

/** Whether another port may do: this one is held, or reserved to privileged users. */
function isTaken(error: unknown): boolean {
  const code = errorCodeOf(error);
  return code === 'ADDRESS_IN_USE' || code === 'PERMISSION_DENIED';
}

const bindHints = {
  ...listenHints,
  ADDRESS_NOT_AVAILABLE: 'The host is not an address of this machine. Use 127.0.0.1, or one that the machine has.',
  DNS_FAILURE: hostHints.DNS_FAILURE,
};

function bindError(error: unknown, host: string, { min, max }: { min: number; max: number }): TransportError {
  const address = joinHostPort(host, max);
  if (min === max) return toTransportError(error, `listen on ${address}`, address, bindHints);
  if (!isTaken(error)) return bindError(error, host, { min: max, max });
  return new TransportError('ADDRESS_IN_USE', `no free port on ${host} from ${min} to ${max}`, {
    endpoint: address,
    hint: 'Widen the range, or stop a process that listens in it.',
    cause: error,
  });
}
