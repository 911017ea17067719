import { textOf, toEndpoint } from './endpoint.js';
import type { Endpoint } from './endpoint.js';
import { invalidEndpoint } from './invalid.js';

// What RFC 3986 lets a path have without escapes, less the comma: C-core splits a list at it in unix targets as well.
const SAME_EVERYWHERE = /^[\w.~!$&'()*+;=:@/-]+$/;

/**
 * The {@link https://github.com/grpc/grpc/blob/master/doc/naming.md | gRPC target} of an endpoint, read alike by grpc-js,
 * grpc-go and the C-core languages. It is the canonical endpoint as it stands; some endpoints have none, because a
 * target is a URI, which grpc-go and C-core percent-decode and grpc-js does not.
 *
 * @throws TransportError `INVALID_ENDPOINT` for what is not an endpoint, for an IPv6 zone (`%eth0`), for a path with
 * characters other than ASCII letters, digits and `-._~!$&'()*+;=:@/`, and for a path that starts with `@`, which Go
 * takes for an abstract socket
 */
export function toGrpcTarget(endpoint: string | Endpoint): string {
  const canonical = toEndpoint(endpoint);
  const target = textOf(canonical);
  if (canonical.network === 'tcp') {
    if (!canonical.host.includes('%')) return target;
    throw invalidEndpoint(
      target,
      'gRPC implementations read the % of a zone differently',
      'use an address without a zone or, with grpc-js, connectGrpc of @rpcplugin/transport-grpc',
    );
  }
  if (SAME_EVERYWHERE.test(canonical.path) && !canonical.path.startsWith('@')) return target;
  throw invalidEndpoint(
    target,
    'gRPC implementations read a character of this path differently',
    "rename the socket, with ASCII letters, digits and -._~!$&'()*+;=:@/ only and no @ at its start, or, with grpc-js, " +
      'use connectGrpc of @rpcplugin/transport-grpc',
  );
}
