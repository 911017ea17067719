// The certificate in go-plugin's handshake line is the base64 of its DER form without padding: PEM without its first
// line, its last line and its line breaks. So neither direction has to decode it.
const BEGIN = '-----BEGIN CERTIFICATE-----';
const END = '-----END CERTIFICATE-----';

/** The field for a certificate in PEM; `undefined` for other text, such as two certificates. */
export function toCertificateField(pem: unknown): string | undefined {
  if (typeof pem !== 'string') return undefined;
  const text = pem.trim();
  if (!text.startsWith(BEGIN) || !text.endsWith(END)) return undefined;
  const field = text.slice(BEGIN.length, -END.length).replaceAll(/[\s=]/g, '');
  return isCertificate(field) ? field : undefined;
}

/** The certificate of a field, in PEM as RFC 7468 has it; `undefined` for other text. */
export function toCertificatePem(field: string): string | undefined {
  if (!isCertificate(field)) return undefined;
  const padded = field.padEnd(Math.ceil(field.length / 4) * 4, '=');
  return [BEGIN, ...(padded.match(/.{1,64}/g) ?? []), END, ''].join('\n');
}

/**
 * Whether a field can be a certificate: base64 of a DER sequence of at least 128 bytes, which begins with the bytes
 * 0x30 and 0x8…. TLS looks at the rest.
 */
function isCertificate(field: string): boolean {
  return field.length > 128 && field.length % 4 !== 1 && /^MI[A-Za-z\d+/]+$/.test(field);
}
