import type { Socket } from 'node:net';
import type { Transport } from '@rpcplugin/transport-core';
import { TCPSocketTransport } from '@rpcplugin/transport-tcp';
import { UnixSocketTransport } from '@rpcplugin/transport-unix';

/** Creates a transport for a network. It chooses its own address. */
export function newTransport(network: string): Transport<Socket> {
  return network === 'tcp' ? new TCPSocketTransport() : new UnixSocketTransport();
}
