// A self-signed certificate in DER, as RFC 5280 has it. Node makes keys and signatures, but no certificates.
/** A certificate and its key, for one launch. */
export interface Identity {
  /** In PEM. */
  readonly certificate: string;
  /** In PEM. */
  readonly key: string;
}

const TRUE = der(0x01, [0xff]);
const LOCALHOST = Buffer.from('localhost');
const NAME = sequence(der(0x31, sequence(oid('550403'), der(0x0c, LOCALHOST))));
const ECDSA_WITH_SHA256 = sequence(oid('2a8648ce3d040302'));

// Each side trusts the other's certificate for one launch, however long that takes, and whatever the clock says: from
// 1970 to RFC 5280's date for no end.
const VALIDITY = sequence(der(0x17, Buffer.from('700101000000Z')), der(0x18, Buffer.from('99991231235959Z')));

/**
 * A new key and a self-signed certificate for `localhost`, for either side of go-plugin's AutoMTLS
 * ({@link https://github.com/hashicorp/go-plugin/blob/main/mtls.go | mtls.go}): the host's goes to the plugin in its
 * environment, the plugin's to the host in the handshake line, and each side trusts nothing but the other's. The curve
 * is P-256, which every implementation of TLS 1.3 has (RFC 8446, 9.1).
 */
export async function createIdentity(): Promise<Identity> {
  // Imported only here, so that launches without certificates do not wait for it.
  const { generateKeyPair, randomBytes, sign, X509Certificate } = await import('node:crypto');
  const { promisify } = await import('node:util');
  const { publicKey, privateKey } = await promisify(generateKeyPair)('ec', { namedCurve: 'P-256' });
  const serial = randomBytes(16);
  // A positive number without leading zeros.
  serial.writeUInt8((serial.readUInt8() & 0x3f) | 0x40);
  const unsigned = sequence(
    der(0xa0, der(0x02, [2])),
    der(0x02, serial),
    ECDSA_WITH_SHA256,
    NAME,
    VALIDITY,
    NAME,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(...extensions(serial))),
  );
  const signature = sign('sha256', unsigned, privateKey);
  const certificate = sequence(unsigned, ECDSA_WITH_SHA256, der(0x03, [0], signature));
  return {
    certificate: new X509Certificate(certificate).toString(),
    key: String(privateKey.export({ type: 'pkcs8', format: 'pem' })),
  };
}

function extensions(keyId: Buffer): Buffer[] {
  return [
    // subjectKeyIdentifier
    extension('551d0e', der(0x04, keyId)),
    // basicConstraints: a certificate authority, as its own issuer has to be.
    extension('551d13', sequence(TRUE), TRUE),
    // keyUsage: digitalSignature, keyCertSign.
    extension('551d0f', der(0x03, [2, 0x84]), TRUE),
    // extendedKeyUsage: serverAuth, clientAuth.
    extension('551d25', sequence(oid('2b06010505070301'), oid('2b06010505070302'))),
    // subjectAltName: a DNS name.
    extension('551d11', sequence(der(0x82, LOCALHOST))),
  ];
}

function extension(id: string, value: Buffer, ...critical: Buffer[]): Buffer {
  return sequence(oid(id), ...critical, der(0x04, value));
}

function sequence(...content: Buffer[]): Buffer {
  return der(0x30, ...content);
}

function oid(hex: string): Buffer {
  return der(0x06, Buffer.from(hex, 'hex'));
}

/** A value in DER: a tag, the length of the content, and the content. */
function der(tag: number, ...content: (Buffer | number[])[]): Buffer {
  const body = Buffer.concat(content.map((part) => Buffer.from(part)));
  const { length } = body;
  const lengthBytes = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...lengthBytes]), body]);
}
