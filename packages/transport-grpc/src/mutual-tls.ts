import { credentials, ServerCredentials } from '@grpc/grpc-js';
import type { ChannelCredentials } from '@grpc/grpc-js';
import { TransportError } from '@rpcplugin/transport-core';

/** The credentials of one side of a plugin connection, for what it serves and for what it calls. */
export interface GrpcCredentials {
  /** For what this side serves. */
  readonly server: ServerCredentials;
  /** For what it calls. */
  readonly channel: ChannelCredentials;
}

/**
 * Credentials with which each side shows its own certificate and trusts only that of the other, as in go-plugin's
 * AutoMTLS. If neither side has a certificate, the credentials do not use TLS.
 *
 * @param own - Certificate and key of this side, in PEM, such as from `createIdentity` of `@rpcplugin/handshake`.
 * @param peerCertificate - The certificate of the other side, in PEM.
 * @throws TransportError `INVALID_ARGUMENT` if only one side has a certificate
 */
export function mutualTls(
  own: { readonly certificate: string; readonly key: string } | undefined,
  peerCertificate: string | undefined,
): GrpcCredentials {
  if (own === undefined && peerCertificate === undefined) {
    return { server: ServerCredentials.createInsecure(), channel: credentials.createInsecure() };
  }
  if (own === undefined || peerCertificate === undefined) {
    const without = own === undefined ? 'this side' : 'the other side';
    throw new TransportError('INVALID_ARGUMENT', `mutual TLS takes two certificates, and ${without} has none`, {
      hint: 'Pass the certificates of both sides, or none.',
    });
  }
  const peer = Buffer.from(peerCertificate);
  const key = Buffer.from(own.key);
  const certificate = Buffer.from(own.certificate);
  return {
    server: ServerCredentials.createSsl(peer, [{ private_key: key, cert_chain: certificate }], true),
    channel: credentials.createSsl(peer, key, certificate),
  };
}
