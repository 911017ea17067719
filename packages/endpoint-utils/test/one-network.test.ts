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
import { refusal, returns } from './refusal.js';

describe.each([
  ['parseTcpEndpoint', parseTcpEndpoint, isValidTcpEndpoint, 'tcp'],
  ['parseUnixEndpoint', parseUnixEndpoint, isValidUnixEndpoint, 'unix'],
] as const)('%s', (_, parse, isValid, network) => {
  test('takes what parseEndpoint takes as that network, and nothing else', () => {
    fc.assert(
      fc.property(fc.oneof(endpointText, nearlyEndpointText), (text) => {
        const isOurs = returns(() => parseEndpoint(text)) && parseEndpoint(text).network === network;
        expect(returns(() => parse(text))).toBe(isOurs);
        expect(isValid(text)).toBe(isOurs);
        if (isOurs) expect(parse(text)).toEqual(parseEndpoint(text));
      }),
      { numRuns: 1000 },
    );
  });

  test.each([undefined, null, 7, {}])('refuses %j, which is no text', (value) => {
    expect(refusal(() => parse(value as string)).hint).toMatch(/not a string/);
  });
});

test.each(['/run/p.sock', 'unix:p.sock', './p.sock', 'unix:'])('parseTcpEndpoint says what takes %j', (text) => {
  const error = refusal(() => parseTcpEndpoint(text));
  expect(error.hint).toMatch(/host:port.*UnixSocketTransport of @rpcplugin\/transport-unix/);
  expect(error.endpoint).toBe(text);
});

test.each(['host:80', 'tcp://[::1]:80', 'p.sock', '', 'Unix:/run/p.sock', 'tcp:'])(
  'parseUnixEndpoint says how a unix socket is written and what takes other text, such as %j',
  (text) => {
    const error = refusal(() => parseUnixEndpoint(text));
    expect(error.hint).toMatch(/unix:path.*TCPSocketTransport of @rpcplugin\/transport-tcp/);
    expect(error.endpoint).toBe(text);
  },
);

test('parseUnixEndpoint says why not an abstract socket', () => {
  expect(refusal(() => parseUnixEndpoint('unix-abstract:name')).hint).toMatch(/permissions.*unix:path/);
});
