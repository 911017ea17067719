import type { ChildProcess } from 'node:child_process';
import type { Duplex } from 'node:stream';
import { negotiateTransport } from '@rpcplugin/transport-core';
import { StdioTransport, stdioTransportFactory } from '@rpcplugin/transport-stdio';
import { tcpOptionsFromEnv, tcpTransportFactory } from '@rpcplugin/transport-tcp';
import { unixOptionsFromEnv, unixTransportFactory } from '@rpcplugin/transport-unix';

/** Networks with addresses, as a broker needs them. */
export const addressed = [unixTransportFactory(unixOptionsFromEnv), tcpTransportFactory(tcpOptionsFromEnv)] as const;

/** What a plugin can listen on, in the order in which it tries them. Its host passes descriptor 3. */
export const networks = [...addressed, stdioTransportFactory()] as const;

/** A transport to a plugin. Only the process that launched a plugin has the other end of its descriptor 3. */
export function transportTo(network: string, child: ChildProcess | undefined) {
  const duplex = child?.stdio[3] as Duplex | undefined;
  if (network === 'stdio' && duplex !== undefined) return new StdioTransport({ duplex });
  duplex?.destroy();
  return negotiateTransport([network], addressed);
}

/** What the broker of a connection serves on. */
export const brokerNetwork = (network: string): string => (network === 'stdio' ? 'unix' : network);
