import { parseEndpoint } from '@rpcplugin/endpoint-utils';
import type { Transport } from '@rpcplugin/transport-core';
import { TCPSocketTransport } from '@rpcplugin/transport-tcp';
import { MemoryTransport } from '@rpcplugin/transport-testkit';
import { UnixSocketTransport } from '@rpcplugin/transport-unix';
import { DuplexTransport } from './duplex-transport.js';

/** A new transport of the endpoint's network, to connect with; of `unix` for a malformed endpoint. */
export function transportTo(endpoint: string): Transport {
  switch (networkOf(endpoint)) {
    case 'tcp':
      return new TCPSocketTransport();
    case 'duplex':
      return new DuplexTransport();
    case 'memory':
      return new MemoryTransport();
    default:
      return new UnixSocketTransport();
  }
}

function networkOf(endpoint: unknown): string {
  const [, scheme] = /^(duplex|memory):/.exec(String(endpoint)) ?? [];
  if (scheme !== undefined) return scheme;
  try {
    return parseEndpoint(String(endpoint)).network;
  } catch {
    return 'unix';
  }
}
