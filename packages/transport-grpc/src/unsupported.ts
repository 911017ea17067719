import { TransportError } from '@rpcplugin/transport-core';

/** The error for a version of grpc-js or Node, or another runtime, that lacks what this package needs. */
export function unsupported(what: string): TransportError {
  const isBun = process.versions['bun'] !== undefined;
  const subject = isBun ? 'Bun' : 'this version of @grpc/grpc-js';
  return new TransportError('UNSUPPORTED', `${subject} is not compatible: ${what}`, {
    hint: isBun
      ? 'Run it on Node or Deno.'
      : 'Install a version of @grpc/grpc-js in the range of peer dependencies of @rpcplugin/transport-grpc.',
  });
}
