import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { thrownBy } from '@rpcplugin/test-support';
import { TransportError } from '@rpcplugin/transport-core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatHandshakeLine, normalizeEndpoint, parseHandshakeLine, toHandshakeAddress } from '../src/index.js';
import type { Handshake } from '../src/index.js';
import { codePoint, endpointText } from './arbitraries.js';
import { accepts } from './support.js';

/** The PEM, as `X509Certificate` prints it, of a stand-in for a certificate: a DER sequence with this content. */
function certificateWith(content: Uint8Array): string {
  const der = Buffer.concat([Buffer.from([0x30, 0x82, 0, content.length]), content]);
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
}

const PEM = certificateWith(randomBytes(255));
const FIELD = PEM.replaceAll(/-.*-|[\n=]/g, '');

const plain: Handshake = { appVersion: 1, network: 'unix', endpoint: 'unix:/run/p.sock', protocol: 'grpc' };

describe('parseHandshakeLine', () => {
  test.each<[line: string, handshake: Handshake]>([
    ['1|1|unix|/run/p.sock|grpc', plain],
    ['1|5|tcp|127.0.0.1:1234|grpc', { ...plain, appVersion: 5, network: 'tcp', endpoint: '127.0.0.1:1234' }],
    ['1|1|pipe|/run/p|grpc', { ...plain, network: 'pipe', endpoint: 'pipe:/run/p' }],
    // go-plugin writes the sixth field even if it is empty.
    ['1|1|unix|/run/p.sock|grpc|', plain],
    [`1|1|unix|/run/p.sock|grpc|${FIELD}`, { ...plain, certificate: PEM }],
    [`1|1|unix|/run/p.sock|grpc|${FIELD}|true`, { ...plain, certificate: PEM, multiplexing: true }],
    ['1|1|unix|/run/p.sock|grpc||false', { ...plain, multiplexing: false }],
    ['1|1|unix|/run/p.sock|grpc||T', { ...plain, multiplexing: true }],
    ['1|1|unix|/run/p.sock', { ...plain, protocol: 'netrpc' }],
    ['1|1|unix|/run/p.sock|netrpc', { ...plain, protocol: 'netrpc' }],
    ['1|0|unix|/run/p.sock|grpc', { ...plain, appVersion: 0 }],
  ])('reads %s', (line, handshake) => {
    expect(parseHandshakeLine(line)).toEqual(handshake);
  });

  test.each([
    ['\\r\\n', '1|1|unix|/run/p.sock|grpc\r\n'],
    ['white space', ' \t1|1|unix|/run/p.sock|grpc  '],
    ['a sixth field that is too short for a certificate', '1|1|unix|/run/p.sock|grpc|extra'],
    ['a seventh field that is no boolean', '1|1|unix|/run/p.sock|grpc||maybe'],
    ['an eighth field', '1|1|unix|/run/p.sock|grpc|||more|and more'],
  ])('ignores %s, as go-plugin does', (_, line) => {
    expect(parseHandshakeLine(line)).toEqual(plain);
  });

  test.each<[what: string, line: string, code: string, message: RegExp, hint: RegExp]>([
    ['nothing', '', 'INVALID_ARGUMENT', /"": it has 1 of at least 4 fields/, /first line.*standard error/],
    ['too few fields', '1|1|unix', 'INVALID_ARGUMENT', /3 of at least 4 fields/, /CORE\|APP\|NETWORK/],
    [
      'text before it',
      'debug: 1|1|unix|/p|grpc',
      'INVALID_ARGUMENT',
      /does not begin with a version/,
      /standard error/,
    ],
    ['a line of text', 'Listening on port 80', 'INVALID_ARGUMENT', /"Listening on port 80"/, /standard error/],
    ['another core version', '2|1|unix|/p|grpc', 'UNSUPPORTED', /version "2" of the core protocol/, /Update go-plugin/],
    ['no app version', '1||unix|/p|grpc', 'INVALID_ARGUMENT', /version of the application/, /CORE\|APP/],
    ['a version above 2^53', `1|${2 ** 53}|unix|/p|grpc`, 'INVALID_ARGUMENT', /version of the application/, /CORE/],
    ['another protocol', '1|1|unix|/p|jsonrpc', 'UNSUPPORTED', /the protocol "jsonrpc"/, /grpc, or netrpc/],
    // Only a missing protocol is net/rpc.
    ['an empty protocol', '1|1|unix|/p|', 'UNSUPPORTED', /the protocol ""/, /grpc, or netrpc/],
    ['a relative path', '1|1|unix|p|grpc', 'INVALID_ENDPOINT', /not absolute/, /absolute/],
    ['a malformed network', '1|1|Unix|/p|grpc', 'INVALID_ENDPOINT', /name of a network/, /lower-case/],
    ['a port that is missing', '1|1|tcp|127.0.0.1|grpc', 'INVALID_ENDPOINT', /missing port/, /Missing port/],
    ['a second line', '1|1|unix|/p\n|grpc', 'INVALID_ENDPOINT', /control/, /control/],
    ['padding', `1|1|unix|/p|grpc|${'MIIA'.repeat(40)}MA==`, 'INVALID_ARGUMENT', /sixth field/, /without padding/],
    ['another base64 text', `1|1|unix|/p|grpc|${'A'.repeat(200)}`, 'INVALID_ARGUMENT', /sixth field/, /DER/],
  ])('rejects %s', (_, line, code, message, hint) => {
    const error = thrownBy(() => parseHandshakeLine(line));
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) as string });
    expect(error.hint).toMatch(hint);
  });

  test.each([
    ['text', 'x'.repeat(2 ** 20)],
    ['separators', '|'.repeat(2 ** 20)],
    ['white space', ' '.repeat(2 ** 20)],
    ['a long path', `1|1|unix|/${'x'.repeat(2 ** 20)}|grpc`],
  ])('rejects a line of a megabyte of %s, and does not repeat it', (_, line) => {
    const error = thrownBy(() => parseHandshakeLine(line));
    expect(error.code).toBe('INVALID_ARGUMENT');
    expect(error.message).toMatch(/longer than 65536 characters/);
    expect(error.message.length + (error.hint?.length ?? 0)).toBeLessThan(1000);
  });
});

describe('formatHandshakeLine', () => {
  test.each<[line: string, handshake: Handshake]>([
    ['1|1|unix|/run/p.sock|grpc', plain],
    ['1|1|unix|/run/p.sock|netrpc', { ...plain, protocol: 'netrpc' }],
    ['1|1|tcp|[::1]:1|grpc', { ...plain, network: 'tcp', endpoint: 'tcp://[0::1]:1' }],
    ['1|1|quic|443|grpc', { ...plain, network: 'quic', endpoint: 'quic:443' }],
    [`1|1|unix|/run/p.sock|grpc|${FIELD}`, { ...plain, certificate: PEM.replaceAll('\n', '\r\n') }],
    ['1|1|unix|/run/p.sock|grpc||true', { ...plain, multiplexing: true }],
  ])('writes %s', (line, handshake) => {
    expect(formatHandshakeLine(handshake)).toBe(line);
  });

  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' });

  test.each<[what: string, fields: object, code: string]>([
    ['a negative version', { appVersion: -1 }, 'INVALID_ARGUMENT'],
    ['half a version', { appVersion: 1.5 }, 'INVALID_ARGUMENT'],
    ['another protocol', { protocol: 'http' }, 'INVALID_ARGUMENT'],
    ['a boolean as text', { multiplexing: 'true' }, 'INVALID_ARGUMENT'],
    ['two certificates', { certificate: PEM + PEM }, 'INVALID_ARGUMENT'],
    ['a certificate in DER', { certificate: Buffer.from(FIELD, 'base64') }, 'INVALID_ARGUMENT'],
    ['an endpoint of another network', { network: 'tcp' }, 'INVALID_ENDPOINT'],
    ['a path with the separator', { endpoint: '/run/a|b' }, 'INVALID_ENDPOINT'],
  ])('rejects %s', (_, fields, code) => {
    const error = thrownBy(() => formatHandshakeLine({ ...plain, ...fields }));
    expect(error).toMatchObject({ code, hint: expect.any(String) as string });
  });

  test('rejects a key in place of the certificate, without showing it', () => {
    const error = thrownBy(() => formatHandshakeLine({ ...plain, certificate: String(key) }));
    expect(error.code).toBe('INVALID_ARGUMENT');
    expect(error.message).not.toContain(String(key).slice(30, 60));
  });
});

describe('the handshake line', () => {
  const handshake = fc
    .record(
      {
        appVersion: fc.maxSafeNat(),
        endpoint: endpointText.filter((text) => accepts(() => toHandshakeAddress(text))).map(normalizeEndpoint),
        protocol: fc.constantFrom('grpc' as const, 'netrpc' as const),
        certificate: fc.uint8Array({ minLength: 200, maxLength: 255 }).map(certificateWith),
        multiplexing: fc.boolean(),
      },
      { requiredKeys: ['appVersion', 'endpoint', 'protocol'] },
    )
    .map((fields) => ({ ...fields, network: fields.endpoint.startsWith('unix:') ? 'unix' : 'tcp' }));

  test('of any handshake leads back to it', () => {
    fc.assert(
      fc.property(handshake, (fields) => {
        expect(parseHandshakeLine(formatHandshakeLine(fields))).toEqual(fields);
      }),
    );
  });

  test('of any text is read or rejected with a hint', () => {
    const field = fc.oneof(
      fc.constantFrom('1', '', 'grpc', 'unix', 'tcp', '/p', '127.0.0.1:1', FIELD, 'true', '\r', '2', '-1', '=', '01'),
      fc.string({ unit: codePoint }),
    );
    fc.assert(
      fc.property(fc.array(field, { maxLength: 9 }), (fields) => {
        let read: Handshake;
        try {
          read = parseHandshakeLine(fields.join('|'));
        } catch (error) {
          expect(error).toBeInstanceOf(TransportError);
          expect(error).toMatchObject({ hint: expect.any(String) as string });
          return;
        }
        expect(parseHandshakeLine(formatHandshakeLine(read))).toEqual(read);
      }),
      { numRuns: 2000 },
    );
  });

  test('as any value is read or rejected with a TransportError', () => {
    for (const call of [parseHandshakeLine, formatHandshakeLine]) {
      fc.assert(
        fc.property(fc.anything(), (value) => {
          expect(thrownBy(() => call(value as never))).toBeInstanceOf(TransportError);
        }),
      );
    }
  });
});
