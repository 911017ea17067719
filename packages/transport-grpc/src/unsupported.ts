import { TransportError } from '@rpcplugin/transport-core';

/** The error for a version of grpc-js or Node that lacks what this package needs. */
export function unsupported(what: string): TransportError {
  return new TransportError('UNSUPPORTED', `this version of @grpc/grpc-js does not fit: ${what}`, {
    hint: 'Install a version of @grpc/grpc-js in the range of peer dependencies of @rpcplugin/transport-grpc.',
  });
}
