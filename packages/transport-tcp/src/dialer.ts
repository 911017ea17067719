import { isIP } from 'node:net';
import type { Socket } from 'node:net';
import { isLocalHost, joinHostPort, parseTcpEndpoint } from '@rpcplugin/endpoint-utils';
import { quote } from '@rpcplugin/printable';
import { connectSocket, hostHints } from '@rpcplugin/transport-base';
import type { DialContext, Dialer } from '@rpcplugin/transport-base';
import { TransportError } from '@rpcplugin/transport-core';
import { connectFirst } from './happy-eyeballs.js';
import type { ConnectionSettings } from './options.js';
import { interleaveFamilies, resolveHost } from './resolve-host.js';

/** Where to connect to, and how. */
interface Address extends ConnectionSettings {
  readonly host: string;
  readonly port: number;
}

const localHints = {
  ...hostHints,
  ADDRESS_NOT_AVAILABLE:
    'This machine does not reach its own address: its loopback interface is down, or it has no IPv6. ' +
    'On Linux, `ip link set lo up` brings the interface up.',
};

/** @throws TransportError `INVALID_ENDPOINT` unless the text is a TCP endpoint with a port other than 0. */
export function tcpDialer(text: string, settings: ConnectionSettings): Dialer {
  const { host, port } = parseTcpEndpoint(text);
  if (port === 0) {
    throw new TransportError('INVALID_ENDPOINT', `cannot connect to port 0 of ${quote(text)}`, {
      hint: 'Port 0 lets a listener choose its port. Connect to the endpoint that its listen returned.',
    });
  }
  return {
    endpoint: joinHostPort(host, port),
    // Reaches a late listener within 10 ms, and takes a few per cent of a processor while it waits.
    retryMs: 8,
    hints: isLocalHost(host) ? localHints : hostHints,
    attempt: (context) => (isIP(host) === 0 ? connectToName : connectToAddress)({ ...settings, host, port }, context),
  };
}

async function connectToName(address: Address, context: DialContext): Promise<Socket> {
  const addresses = interleaveFamilies(await resolveHost(address.host, context.operation));
  const attempts = addresses.map(
    ({ address: host }) =>
      (race: DialContext['operation']) =>
        connectToAddress({ ...address, host }, { ...context, operation: race }),
  );
  return connectFirst(attempts, context.operation);
}

async function connectToAddress(address: Address, context: DialContext): Promise<Socket> {
  return refuseSelfConnection(await connectSocket(address, context), address.port);
}

/**
 * Refuses a socket that the kernel connected to itself: it happened to choose the dialled port as the local one. That
 * takes a port in the ephemeral range without a listener, and many attempts. Go's net.Dial guards against it too.
 *
 * @throws TransportError `CONNECTION_REFUSED`; the socket is destroyed then.
 */
export function refuseSelfConnection(socket: Socket, port: number): Socket {
  // In this order: each address takes a system call, and Node keeps the result with the socket.
  if (socket.localPort !== port || socket.localAddress !== socket.remoteAddress) return socket;
  socket.destroy();
  throw new TransportError('CONNECTION_REFUSED', `nothing listens on port ${port}: the socket connected to itself`);
}
