import { isIP } from 'node:net';
import { formatEndpoint, parseEndpoint } from '@rpcplugin/endpoint-utils';
import type { Endpoint } from '@rpcplugin/endpoint-utils';
import { quote } from '@rpcplugin/printable';
import { absoluteSocketPath, assertSocketPathFits } from '@rpcplugin/transport-base';
import { TransportError } from '@rpcplugin/transport-core';

/** A target for a grpc-js channel, and its address if that is known. */
export interface GrpcTarget {
  /** The target string for the channel. */
  readonly target: string;
  /** The only address of the target; `undefined` if gRPC resolves the target itself. */
  readonly address: Endpoint | undefined;
}

/**
 * Parses an endpoint, or a target that gRPC resolves itself: with a scheme that no endpoint has (`xds:///…`), with
 * gRPC's name resolution (`dns:…`), or with several addresses (`ipv4:a:1,b:1`). See the gRPC naming document
 * (grpc/grpc, doc/naming.md).
 *
 * @throws TransportError `INVALID_ENDPOINT` if the text is neither, `PATH_TOO_LONG` for a socket path that is too long.
 */
export function grpcTarget(text: string): GrpcTarget {
  if (isGrpcOnly(text)) return { target: text, address: undefined };
  const endpoint = parseEndpoint(text);
  if (endpoint.network === 'tcp') {
    if (endpoint.port === 0) {
      throw new TransportError('INVALID_ENDPOINT', `cannot connect to port 0 of ${quote(text)}`, {
        endpoint: text,
        hint: 'Port 0 lets a listener choose its port. Connect to the endpoint that its listen returned.',
      });
    }
    return { target: formatEndpoint(endpoint), address: endpoint };
  }
  // Absolute, because a channel reconnects later, when the working directory may have changed.
  const path = absoluteSocketPath(endpoint.path);
  assertSocketPathFits(path, `unix:${path}`);
  // grpc-js takes the path literally and decodes nothing in it, so any character works.
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
      // For a resolver of gRPC or the application: with an authority, which is usually empty. A web address is a
      // mistake.
      return /^\/\/[^/]*\/./.test(rest) && scheme !== 'http' && scheme !== 'https';
  }
}

/** Whether the address is on this machine, judging by its text alone. */
export function isLocal(endpoint: Endpoint): boolean {
  if (endpoint.network === 'unix') return true;
  const { host } = endpoint;
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}
