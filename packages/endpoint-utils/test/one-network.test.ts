import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  isValidTcpEndpoint,
  isValidUnixEndpoint,
  parseEndpoint,
  parseTcpEndpoint,
  parseUnixEndpoint,
} from '../src/index.js';
import { endpointText, nearlyEndpointText } from './arbitraries.js';
import { accepts, expectInvalid } from './support.js';

describe.each([
  ['parseTcpEndpoint', parseTcpEndpoint, isValidTcpEndpoint, 'tcp'],
  ['parseUnixEndpoint', parseUnixEndpoint, isValidUnixEndpoint, 'unix'],
] as const)('%s', (_, parse, isValid, network) => {
  test('accepts the endpoints of its network that parseEndpoint accepts, and nothing else', () => {
    fc.assert(
      fc.property(fc.oneof(endpointText, nearlyEndpointText), (text) => {
        const isOfNetwork = accepts(() => parseEndpoint(text)) && parseEndpoint(text).network === network;
        expect(accepts(() => parse(text))).toBe(isOfNetwork);
        expect(isValid(text)).toBe(isOfNetwork);
        if (isOfNetwork) expect(parse(text)).toEqual(parseEndpoint(text));
      }),
      { numRuns: 1000 },
    );
  });

  test.each([undefined, null, 7, {}])('rejects %j, which is not a string', (value) => {
    expect(expectInvalid(() => parse(value as string)).hint).toMatch(/not a string/);
  });
});

test.each(['/run/p.sock', 'unix:p.sock', './p.sock', 'unix:'])(
  'parseTcpEndpoint names the transport for %j',
  (text) => {
    const error = expectInvalid(() => parseTcpEndpoint(text));
    expect(error.hint).toMatch(/host:port.*UnixSocketTransport from @rpcplugin\/transport-unix/);
    expect(error.endpoint).toBe(text);
  },
);

test.each(['host:80', 'tcp://[::1]:80', 'p.sock', '', 'Unix:/run/p.sock', 'tcp:'])(
  'parseUnixEndpoint shows the forms of a unix endpoint and names the transport for TCP when given %j',
  (text) => {
    const error = expectInvalid(() => parseUnixEndpoint(text));
    expect(error.hint).toMatch(/unix:path.*TCPSocketTransport from @rpcplugin\/transport-tcp/);
    expect(error.endpoint).toBe(text);
  },
);

test('parseUnixEndpoint says why it rejects an abstract socket', () => {
  expect(expectInvalid(() => parseUnixEndpoint('unix-abstract:name')).hint).toMatch(/permissions.*unix:path/);
});
