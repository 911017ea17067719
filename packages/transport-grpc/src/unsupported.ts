import { TransportError } from '@rpcplugin/transport-core';

/** The error for a version of grpc-js or Node, or another runtime, that lacks what this package needs. */
export function unsupported(what: string): TransportError {
  if (process.versions['bun'] !== undefined) {
    return new TransportError('UNSUPPORTED', `this does not work on Bun: ${what}`, {
      hint: 'Run the program on Node or Deno. On Bun, connectGrpcTarget works, and serveGrpc without TLS.',
    });
  }
  return new TransportError('UNSUPPORTED', `this version of @grpc/grpc-js does not fit: ${what}`, {
    hint: 'Install a version of @grpc/grpc-js in the range of peer dependencies of @rpcplugin/transport-grpc.',
  });
}
