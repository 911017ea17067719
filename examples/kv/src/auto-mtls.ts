// go-plugin's AutoMTLS: for each launch, each side makes a self-signed certificate and trusts only that of the other.
// The host passes its own in PLUGIN_CLIENT_CERT, and the plugin answers with its own in the handshake line.
import { X509Certificate } from 'node:crypto';
import { credentials, ServerCredentials } from '@grpc/grpc-js';
import type { ChannelCredentials } from '@grpc/grpc-js';

export interface Identity {
  /** In PEM. */
  readonly certificate: string;
  /** In PEM. */
  readonly key: string;
}

/** A certificate and its key as go-plugin makes them: for `localhost`, on the curve P-521. */
export async function makeIdentity(): Promise<Identity> {
  // Imported only here, so that launches without certificates do not wait for it.
  const { generate } = await import('selfsigned');
  const made = await generate([{ name: 'commonName', value: 'localhost' }], {
    keyType: 'ec',
    curve: 'P-521',
    algorithm: 'sha512',
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', digitalSignature: true, keyCertSign: true, critical: true },
      { name: 'extKeyUsage', clientAuth: true, serverAuth: true },
      { name: 'subjectAltName', altNames: [{ type: 2, value: 'localhost' }] },
    ],
  });
  return { certificate: made.cert, key: made.private };
}

/** The certificate as a field of the handshake line: DER, in base64 without padding. */
export function toHandshakeField({ certificate }: Pick<Identity, 'certificate'>): string {
  return new X509Certificate(certificate).raw.toString('base64').replaceAll('=', '');
}

/** The credentials of a plugin that serves only the host with this certificate (in PEM). */
export function pluginCredentials(own: Identity, host: string): ServerCredentials {
  const pair = { private_key: Buffer.from(own.key), cert_chain: Buffer.from(own.certificate) };
  return ServerCredentials.createSsl(Buffer.from(host), [pair], true);
}

/** The credentials of a host that connects only to the plugin with this certificate field in its handshake line. */
export function hostCredentials(own: Identity, field: string): ChannelCredentials {
  const plugin = new X509Certificate(Buffer.from(field, 'base64')).toString();
  return credentials.createSsl(Buffer.from(plugin), Buffer.from(own.key), Buffer.from(own.certificate));
}
