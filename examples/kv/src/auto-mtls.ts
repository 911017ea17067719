// go-plugin's AutoMTLS: for every launch each side makes a certificate, which is its own authority, and trusts the other's alone.
// The host passes its own in PLUGIN_CLIENT_CERT, the plugin answers with its own in the handshake line.
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
  // A launch without certificates is not to wait for it.
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

/** What a plugin serves with, to the host with this certificate (in PEM) alone. */
export function pluginCredentials(own: Identity, host: string): ServerCredentials {
  const pair = { private_key: Buffer.from(own.key), cert_chain: Buffer.from(own.certificate) };
  return ServerCredentials.createSsl(Buffer.from(host), [pair], true);
}

/** What a host connects with, to the plugin with this field in its handshake line alone. */
export function hostCredentials(own: Identity, field: string): ChannelCredentials {
  const plugin = new X509Certificate(Buffer.from(field, 'base64')).toString();
  return credentials.createSsl(Buffer.from(plugin), Buffer.from(own.key), Buffer.from(own.certificate));
}
