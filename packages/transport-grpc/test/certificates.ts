import { credentials, ServerCredentials } from '@grpc/grpc-js';
import type { ChannelCredentials } from '@grpc/grpc-js';
import type { Identity } from '@rpcplugin/test-support/process';

export { makeIdentity, readIdentity } from '@rpcplugin/test-support/process';
export type { Identity } from '@rpcplugin/test-support/process';

/** Credentials of a server with the certificate `own`, which requires the certificate of `client` if one is given. */
export function serverTls(own: Identity, client?: Identity): ServerCredentials {
  const pair = { private_key: own.key, cert_chain: own.certificate };
  return ServerCredentials.createSsl(client?.certificate ?? null, [pair], client !== undefined);
}

/** Credentials of a client that trusts `server`, with the certificate `own` if one is given. */
export function clientTls(server: Identity, own?: Identity): ChannelCredentials {
  return credentials.createSsl(server.certificate, own?.key, own?.certificate);
}
