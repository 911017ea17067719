// Listeners at endpoints of every canonical form.
import { networkInterfaces } from 'node:os';
import { join, relative } from 'node:path';
import { joinHostPort, parseEndpoint } from '@rpcplugin/endpoint-utils';
import type { SocketTransport } from '@rpcplugin/transport-core';
import { TCPSocketTransport } from '@rpcplugin/transport-tcp';
import { UnixSocketTransport } from '@rpcplugin/transport-unix';
import { hasIPv6, untilOver } from './networks.js';
import { freshDirectory } from '../src/fresh-directory.js';

export interface Form {
  /** An example. */
  readonly form: string;
  readonly over: string;
  readonly available: boolean;
  /** A transport that is to listen. */
  readonly transport: () => Promise<SocketTransport>;
  /** The endpoint of that form, where it listens at `endpoint`. */
  readonly of: (endpoint: string) => string;
}

const asItIs = (endpoint: string): string => endpoint;

export const forms: readonly Form[] = [
  tcp('127.0.0.1:50051', '127.0.0.1'),
  tcp('[::1]:50051', '::1', hasIPv6),
  { ...tcp('localhost:50051', '127.0.0.1'), of: (endpoint) => joinHostPort('localhost', portOf(endpoint)) },
  unix('unix:/run/p.sock', 'p.sock'),
  unix("unix:/run/aZ09-._~!$&'()*+;=:@", "aZ09-._~!$&'()*+;=:@"),
];

/** Kept as it is written, and for this working directory alone: not for the handshake line. */
export const relativeForm: Form = {
  ...unix('unix:../p.sock', 'p.sock'),
  of: (endpoint) => `unix:${relative(process.cwd(), pathOf(endpoint))}`,
};

/** With a zone, for which gRPC has no target. Not every machine has one. */
export const [zonedForm]: readonly Form[] = Object.entries(networkInterfaces())
  .flatMap(([name, of = []]) => of.map(({ address }) => `${address}%${name}`))
  .filter((host) => host.startsWith('fe80:'))
  .map((host) => tcp('[fe80::1%eth0]:50051', host));

function tcp(form: string, host: string, available = true): Form {
  const transport = () => Promise.resolve(untilOver(new TCPSocketTransport({ host })));
  return { form, over: form.startsWith('[') ? 'TCP over IPv6' : 'TCP', available, transport, of: asItIs };
}

function unix(form: string, name: string): Form {
  const transport = async () => untilOver(new UnixSocketTransport({ path: join(await freshDirectory(), name) }));
  return { form, over: 'unix', available: true, transport, of: asItIs };
}

function portOf(endpoint: string): number {
  const parts = parseEndpoint(endpoint);
  return parts.network === 'tcp' ? parts.port : NaN;
}

function pathOf(endpoint: string): string {
  const parts = parseEndpoint(endpoint);
  return parts.network === 'unix' ? parts.path : '';
}
