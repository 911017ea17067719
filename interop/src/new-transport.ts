import type { Socket } from 'node:net';
import type { Transport } from '@rpcplugin/transport-core';
import { TCPSocketTransport } from '@rpcplugin/transport-tcp';
import { UnixSocketTransport } from '@rpcplugin/transport-unix';

/** A transport of a network, on an address that it chooses itself. */
export function newTransport(network: string): Transport<Socket> {
  return network === 'tcp' ? new TCPSocketTransport() : new UnixSocketTransport();
}
