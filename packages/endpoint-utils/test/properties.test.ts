import { isIPv4 } from 'node:net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  formatEndpoint,
  fromHandshakeAddress,
  isLocalHost,
  isValidTcpEndpoint,
  isValidUnixEndpoint,
  joinHostPort,
  normalizeEndpoint,
  normalizeUnixPath,
  parseEndpoint,
  splitHostPort,
  toGrpcTarget,
  toHandshakeAddress,
} from '../src/index.js';
import type { Endpoint } from '../src/index.js';
import { codePoint, endpoint, endpointText, nearlyEndpointText } from './arbitraries.js';
import { accepts } from './support.js';

const anyText = fc.oneof(nearlyEndpointText, fc.string({ unit: codePoint }), fc.string());

describe('every endpoint', () => {
  test('survives formatting and parsing', () => {
    fc.assert(
      fc.property(endpoint, (parts) => {
        expect(parseEndpoint(formatEndpoint(parts))).toEqual(parts);
      }),
    );
  });

  test('has a canonical text that normalizes to itself', () => {
    fc.assert(
      fc.property(endpointText, (text) => {
        const canonical = normalizeEndpoint(text);
        expect(normalizeEndpoint(canonical)).toBe(canonical);
      }),
    );
  });

  test('survives the handshake fields, if it has any', () => {
    fc.assert(
      fc.property(endpoint, (parts) => {
        if (!accepts(() => toHandshakeAddress(parts))) return;
        expect(fromHandshakeAddress(toHandshakeAddress(parts))).toBe(formatEndpoint(parts));
      }),
    );
  });

  test('has its canonical text as its gRPC target, if it has one', () => {
    fc.assert(
      fc.property(endpoint, (parts) => {
        if (accepts(() => toGrpcTarget(parts))) expect(toGrpcTarget(parts)).toBe(formatEndpoint(parts));
      }),
    );
  });
});

describe('any text', () => {
  test('either has a canonical form or is rejected', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const valid = accepts(() => parseEndpoint(text));
        expect(isValidTcpEndpoint(text) || isValidUnixEndpoint(text)).toBe(valid);
        if (!valid) return;
        const parts = parseEndpoint(text);
        const canonical = formatEndpoint(parts);
        expect(canonical).toBe(normalizeEndpoint(text));
        expect(parseEndpoint(canonical)).toEqual(parts);
      }),
      { numRuns: 2000 },
    );
  });

  test('of digits and dots is a host if and only if it is an IPv4 address', () => {
    const octet = fc.oneof(fc.nat(300).map(String), fc.stringMatching(/^[0-9]{0,4}$/));
    fc.assert(
      fc.property(fc.array(octet, { minLength: 3, maxLength: 5 }), (octets) => {
        const host = octets.join('.');
        expect(isValidTcpEndpoint(`${host}:1`)).toBe(isIPv4(host));
      }),
    );
  });

  test('as a part of an endpoint either formats to text that parses or is rejected', () => {
    const part = fc.oneof(
      anyText,
      endpoint.map((parts) => (parts.network === 'tcp' ? parts.host : parts.path)),
      fc.constantFrom('tcp', 'Unix', 'dns', 'ipv4', 'ipv6', 'unix-abstract', 'xds', 'unix:/p', '[::1]', '[a', 'a]'),
    );
    const parts: fc.Arbitrary<Endpoint> = fc.oneof(
      fc.record({ network: fc.constant('tcp'), host: part, port: fc.oneof(fc.nat(70_000), fc.double()) }),
      fc.record({ network: fc.constant('unix'), path: part }),
    );
    fc.assert(
      fc.property(parts, (handMade) => {
        if (!accepts(() => formatEndpoint(handMade))) return;
        const text = formatEndpoint(handMade);
        expect(parseEndpoint(text).network).toBe(handMade.network);
        expect(normalizeEndpoint(text)).toBe(text);
      }),
      { numRuns: 1000 },
    );
  });

  test('either normalizes to a path or is rejected', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        if (accepts(() => normalizeUnixPath(text))) expect(normalizeUnixPath(text)).not.toMatch(/^\/\//);
      }),
    );
  });
});

describe('any value', () => {
  // Stands for callers without types; the calls above are well typed.
  const calls: Record<string, (value: never) => unknown> = {
    parseEndpoint,
    formatEndpoint,
    normalizeEndpoint,
    isLocalHost,
    isValidTcpEndpoint,
    isValidUnixEndpoint,
    normalizeUnixPath,
    splitHostPort,
    toGrpcTarget,
    toHandshakeAddress,
    fromHandshakeAddress,
    joinHostPort: (value) => joinHostPort(value, value),
  };
  const fields = fc.record(
    {
      network: fc.oneof(fc.constantFrom('tcp', 'unix'), fc.anything()),
      host: fc.oneof(fc.constant('::1'), fc.anything()),
      port: fc.oneof(fc.constant(80), fc.anything()),
      path: fc.oneof(fc.constant('/run/p'), fc.anything()),
      address: fc.oneof(fc.constant('/run/p'), fc.anything()),
    },
    { requiredKeys: [] },
  );
  const value = fc.oneof(
    fields,
    fc.anything({ withBigInt: true, withNullPrototype: true, withObjectString: true, withDate: true, withMap: true }),
  );

  test.each(Object.entries(calls))('is accepted by %s or rejected with INVALID_ENDPOINT', (_, call) => {
    fc.assert(
      fc.property(value, (anything) => {
        accepts(() => call(anything as never));
      }),
      { numRuns: 500 },
    );
  });
});
