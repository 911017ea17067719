import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** A self-signed certificate that is its own authority, as in go-plugin's AutoMTLS, and its key. */
export interface Identity {
  readonly certificate: Buffer;
  readonly key: Buffer;
}

/** Creates a certificate for a host name, on the curve that go-plugin uses. */
export async function makeIdentity(directory: string, host: string): Promise<Identity> {
  const file = (suffix: string): string => join(directory, `${host}.${suffix}`);
  const config = ['[req]', 'distinguished_name = name', 'x509_extensions = v3', 'prompt = no', '[name]'];
  config.push(`CN = ${host}`, '[v3]', 'basicConstraints = critical, CA:TRUE', `subjectAltName = DNS:${host}`);
  await writeFile(file('conf'), config.join('\n'));
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:secp521r1', '-nodes'];
  const files = ['-config', file('conf'), '-keyout', file('key'), '-out', file('crt')];
  await promisify(execFile)('openssl', ['req', '-x509', ...curve, '-days', '2', ...files]);
  return readIdentity(directory, host);
}

/** Reads what {@link makeIdentity} wrote in another process. */
export async function readIdentity(directory: string, host: string): Promise<Identity> {
  const read = (suffix: string): Promise<Buffer> => readFile(join(directory, `${host}.${suffix}`));
  return { certificate: await read('crt'), key: await read('key') };
}
