import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { connect, createServer } from 'node:tls';
import { freshDirectory, run } from '@rpcplugin/test-support';
import { formatHandshakeLine, parseHandshakeLine } from '@rpcplugin/endpoint-utils';
import { describe, expect, it } from 'vitest';
import { createIdentity } from '../src/index.js';
import type { Identity } from '../src/index.js';

describe('an identity', () => {
  it('is a key and a self-signed certificate for localhost', async () => {
    const { certificate, key } = await createIdentity();
    const parsed = new X509Certificate(certificate);
    expect(parsed.checkHost('localhost')).toBe('localhost');
    expect(parsed.checkHost('example.com')).toBe(undefined);
    expect(parsed.ca).toBe(true);
    expect(parsed.verify(parsed.publicKey)).toBe(true);
    expect(key).toMatch(/^-----BEGIN PRIVATE KEY-----/);
  });

  it('is new each time', async () => {
    const [one, other] = await Promise.all([createIdentity(), createIdentity()]);
    expect(new X509Certificate(one.certificate).serialNumber).not.toBe(
      new X509Certificate(other.certificate).serialNumber,
    );
    expect(one.key).not.toBe(other.key);
  });

  it('keeps the rules of RFC 5280, for a server and a client', async () => {
    const file = join(await freshDirectory(), 'certificate.pem');
    await writeFile(file, (await createIdentity()).certificate);
    for (const purpose of ['sslserver', 'sslclient']) {
      const verify = ['openssl', 'verify', '-x509_strict', '-purpose', purpose, '-CAfile', file, file] as const;
      expect(await run(verify)).toMatchObject({ status: 0, stdout: `${file}: OK\n` });
    }
  });

  it('survives the handshake line', async () => {
    const { certificate } = await createIdentity();
    const plugin = { appVersion: 1, network: 'tcp', endpoint: '127.0.0.1:1', protocol: 'grpc', certificate } as const;
    expect(parseHandshakeLine(formatHandshakeLine(plugin))).toEqual(plugin);
  });

  it('is accepted by a peer that trusts it, on both sides, and by no other', async () => {
    const [plugin, host, stranger] = await Promise.all([createIdentity(), createIdentity(), createIdentity()]);
    expect(await talk(plugin, host, { plugin: plugin.certificate, host: host.certificate })).toBe('hello');
    expect(await talk(plugin, host, { plugin: stranger.certificate, host: host.certificate })).toMatch(/SELF_SIGNED/);
    expect(await talk(plugin, stranger, { plugin: plugin.certificate, host: host.certificate })).not.toBe('hello');
  });
});

/** What a host reads over mutual TLS from a plugin, or the code of its error. */
async function talk(plugin: Identity, host: Identity, trusted: { plugin: string; host: string }): Promise<string> {
  const server = createServer({
    cert: plugin.certificate,
    key: plugin.key,
    ca: trusted.host,
    requestCert: true,
    rejectUnauthorized: true,
  });
  server.on('secureConnection', (socket) => socket.end('hello')).on('tlsClientError', () => undefined);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const identity = { cert: host.certificate, key: host.key, ca: trusted.plugin };
  const socket = connect({ port, host: '127.0.0.1', servername: 'localhost', ...identity });
  try {
    let text = '';
    for await (const data of socket) text += String(data);
    return text;
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code);
  } finally {
    server.close();
  }
}
