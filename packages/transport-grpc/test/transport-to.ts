import type { Socket } from 'node:net';
import { parseEndpoint } from '@rpcplugin/endpoint-utils';
import type { Transport } from '@rpcplugin/transport-core';
import { TCPSocketTransport } from '@rpcplugin/transport-tcp';
import { UnixSocketTransport } from '@rpcplugin/transport-unix';

/** A new transport of the endpoint's network, to connect with; of `unix` for a malformed endpoint. */
export function transportTo(endpoint: string): Transport<Socket> {
  return networkOf(endpoint) === 'tcp' ? new TCPSocketTransport() : new UnixSocketTransport();
}

function networkOf(endpoint: string): string {
  try {
    return parseEndpoint(endpoint).network;
  } catch {
    return 'unix';
  }
}
