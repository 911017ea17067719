import type { AddressInfo } from 'node:net';
import { joinHostPort } from '@rpcplugin/endpoint-utils';
import { errorCodeOf, hostHints, listenInherited, listenSocket } from '@rpcplugin/transport-base';
import type { InheritedSocket, Listener, AcceptOptions } from '@rpcplugin/transport-base';
import { TransportError } from '@rpcplugin/transport-core';
import type { ConnectionSettings, ListenAddress } from './options.js';
import { resolveHost } from './resolve-host.js';

const hints = {
  ...hostHints,
  ADDRESS_NOT_AVAILABLE: 'The host is not an address of this machine. Use 127.0.0.1 or another that it has.',
};

/** Listens on the first free port. */
export function tcpListener(
  { host, ports }: ListenAddress,
  settings: ConnectionSettings,
  options: AcceptOptions,
): Listener {
  const { min, max } = ports;
  return {
    endpoint: joinHostPort(host, min),
    hints,
    open: async (context) => {
      const addresses = await resolveHost(host, context.operation);
      // Like Go's net.Listen: one address of a name, IPv4 if it has one.
      const address = (addresses.find(({ family }) => family === 4) ?? addresses[0])?.address ?? host;
      for (let port = min; ; port++) {
        context.operation.throwIfCancelled();
        try {
          // Bound at once and kept: a port that is probed first can be taken before it is bound.
          const bound = (await listenSocket({ ...settings, host: address, port }, options, context)) as AddressInfo;
          return joinHostPort(dialableHost(address), bound.port);
        } catch (error) {
          if (min === max || !isTaken(error)) throw error;
          if (port === max) throw noFreePort(address, min, max, error);
        }
      }
    },
  };
}

/** Listens on a socket that was handed over. */
export function inheritedTcpListener(
  socket: InheritedSocket,
  settings: ConnectionSettings,
  options: AcceptOptions,
): Listener {
  return {
    open: async (context) => {
      const bound = (await listenInherited(socket, 'inet', settings, options, context)) as AddressInfo;
      return joinHostPort(dialableHost(bound.address), bound.port);
    },
  };
}

/**
 * The host by which this machine reaches a listener on the address. `::` means `::1` to those who dial it; without that
 * address, the listener is reached by IPv4, which it accepts as well.
 */
function dialableHost(address: string): string {
  if (address !== '::') return address;
  // Seldom needed.
  const { networkInterfaces } = process.getBuiltinModule('node:os');
  const own = Object.values(networkInterfaces()).flatMap((addresses = []) => addresses);
  return own.some((each) => each.address === '::1') ? address : '0.0.0.0';
}

/** Whether another port may be free: this one is in use, or reserved to privileged users. */
function isTaken(error: unknown): boolean {
  const code = errorCodeOf(error);
  return code === 'ADDRESS_IN_USE' || code === 'PERMISSION_DENIED';
}

function noFreePort(host: string, min: number, max: number, cause: unknown): TransportError {
  return new TransportError('ADDRESS_IN_USE', `no free port on ${host} from ${min} to ${max}`, {
    hint: 'Widen the range, or stop a process that listens in it.',
    cause,
  });
}
