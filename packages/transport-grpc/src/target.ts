import { isIP } from 'node:net';
import { resolve } from 'node:path';
import { formatEndpoint, parseEndpoint } from '@rpcplugin/endpoint-utils';
import type { Endpoint } from '@rpcplugin/endpoint-utils';
import { assertSocketPathFits, quote, TransportError } from '@rpcplugin/transport-core';

/** What to give a grpc-js channel, and what is known of where it leads. */
export interface GrpcTarget {
  /** The target string of the channel. */
  readonly target: string;
  /** The one address that it leads to; `undefined` if gRPC resolves names by itself. */
  readonly address: Endpoint | undefined;
}

/**
 * Reads an endpoint, or a target that is gRPC's own business: one with a scheme that is not an endpoint's (`xds:///…`), with gRPC's
 * name resolution (`dns:…`), or with several addresses (`ipv4:a:1,b:1`). See the gRPC naming document (grpc/grpc,
 * doc/naming.md).
 *
 * @throws TransportError `INVALID_ENDPOINT` for neither, `PATH_TOO_LONG` for such a socket path.
 */
export function grpcTarget(text: string): GrpcTarget {
  if (isGrpcOnly(text)) return { target: text, address: undefined };
  const endpoint = parseEndpoint(text);
  if (endpoint.network === 'tcp') {
    if (endpoint.port === 0) {
      throw new TransportError('INVALID_ENDPOINT', `${quote(text)} is not an endpoint to connect to`, {
        endpoint: text,
        hint: 'Port 0 lets a listener choose its port. Connect to the endpoint that its listen returned.',
      });
    }
    return { target: formatEndpoint(endpoint), address: endpoint };
  }
  // A channel dials again later, when the working directory may be another.
  const path = resolve(endpoint.path);
  assertSocketPathFits(path);
  // Taken literally by grpc-js: it decodes nothing in a path, so any character will do.
  return { target: `unix:${path}`, address: { network: 'unix', path } };
}

function isGrpcOnly(text: unknown): text is string {
  if (typeof text !== 'string') return false;
  const [, scheme, rest] = /^([a-z][a-z0-9+.-]*):(.+)$/.exec(text) ?? [];
  if (scheme === undefined || rest === undefined) return false;
  switch (scheme) {
    case 'unix':
    case 'unix-abstract':
    case 'tcp':
      return false;
    case 'ipv4':
    case 'ipv6':
      return rest.includes(',');
    case 'dns':
      return true;
    default:
      // Of a resolver that gRPC or the application brings: with an authority, mostly empty. A web address is a mistake.
      return /^\/\/[^/]*\/./.test(rest) && scheme !== 'http' && scheme !== 'https';
  }
}

/** Whether the address is on this very machine, by its looks. */
export function isLocal(endpoint: Endpoint): boolean {
  if (endpoint.network === 'unix') return true;
  const { host } = endpoint;
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}
