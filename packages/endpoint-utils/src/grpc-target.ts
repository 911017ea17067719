import { textOf, toEndpoint } from './endpoint.js';
import type { Endpoint } from './endpoint.js';
import { invalidEndpoint } from './errors.js';

// The characters that RFC 3986 allows in a path without escapes, except the comma: C-core splits lists at it, in unix
// targets too.
const SAME_EVERYWHERE = /^[\w.~!$&'()*+;=:@/-]+$/;

/**
 * The {@link https://github.com/grpc/grpc/blob/master/doc/naming.md | gRPC target} of an endpoint, which grpc-js,
 * grpc-go and the C-core languages read alike. It is the canonical endpoint, unchanged. Some endpoints have no target:
 * a target is a URI, which grpc-go and C-core percent-decode and grpc-js does not.
 *
 * @throws TransportError `INVALID_ENDPOINT` for a malformed endpoint, for an IPv6 zone (`%eth0`), for a path with
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
      'the zone starts with a %, which gRPC implementations read differently',
      'Use an address without a zone. With grpc-js, connectGrpc from @rpcplugin/transport-grpc takes zones.',
    );
  }
  if (SAME_EVERYWHERE.test(canonical.path) && !canonical.path.startsWith('@')) return target;
  throw invalidEndpoint(
    target,
    'the path has a character that gRPC implementations read differently',
    "Rename the socket: use only ASCII letters, digits and -._~!$&'()*+;=:@/, with no @ at the start. With grpc-js, " +
      'connectGrpc from @rpcplugin/transport-grpc takes any path.',
  );
}
