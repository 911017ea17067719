// Listeners at endpoints of every canonical form.
import type { Socket } from 'node:net';
import { join, relative } from 'node:path';
import { joinHostPort } from '@rpcplugin/endpoint-utils';
import { closeAfterTest, freshDirectory, hasIPv6, linkLocalHost, pathOf, portOf } from '@rpcplugin/test-support';
import type { Transport } from '@rpcplugin/transport-core';
import { TCPSocketTransport } from '@rpcplugin/transport-tcp';
import { UnixSocketTransport } from '@rpcplugin/transport-unix';

export interface Form {
  /** An example. */
  readonly form: string;
  readonly over: string;
  readonly available: boolean;
  /** Creates the transport that listens. */
  readonly transport: () => Promise<Transport<Socket>>;
  /** Writes the listener's endpoint in this form. */
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

/** Canonical as written, but valid only in this working directory, so not for the handshake line. */
export const relativeForm: Form = {
  ...unix('unix:../p.sock', 'p.sock'),
  of: (endpoint) => `unix:${relative(process.cwd(), pathOf(endpoint))}`,
};

/** Has a zone, for which gRPC has no target. `undefined` on machines without a link-local address. */
export const zonedForm: Form | undefined =
  linkLocalHost === undefined ? undefined : tcp('[fe80::1%eth0]:50051', linkLocalHost);

function tcp(form: string, host: string, available = true): Form {
  const transport = () => Promise.resolve(closeAfterTest(new TCPSocketTransport({ host })));
  return { form, over: form.startsWith('[') ? 'TCP over IPv6' : 'TCP', available, transport, of: asItIs };
}

function unix(form: string, name: string): Form {
  const transport = async () => closeAfterTest(new UnixSocketTransport({ path: join(await freshDirectory(), name) }));
  return { form, over: 'unix', available: true, transport, of: asItIs };
}
