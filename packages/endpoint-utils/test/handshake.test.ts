import { describe, expect, test } from 'vitest';
import { fromHandshakeAddress, toHandshakeAddress } from '../src/index.js';
import { expectInvalid } from './support.js';

describe('toHandshakeAddress', () => {
  test.each([
    ['tcp://127.0.0.1:1234', { network: 'tcp', address: '127.0.0.1:1234' }],
    ['[0::1]:1234', { network: 'tcp', address: '[::1]:1234' }],
    ['[fe80::1%eth0]:1234', { network: 'tcp', address: '[fe80::1%eth0]:1234' }],
    ['unix:///run/p.sock', { network: 'unix', address: '/run/p.sock' }],
    ['/run/my plugin/100%,ü', { network: 'unix', address: '/run/my plugin/100%,ü' }],
  ])('returns the handshake fields of %j', (endpoint, fields) => {
    expect(toHandshakeAddress(endpoint)).toEqual(fields);
  });

  test('accepts an endpoint in parts', () => {
    expect(toHandshakeAddress({ network: 'unix', path: '//run/p' })).toEqual({ network: 'unix', address: '/run/p' });
  });

  test.each<[endpoint: string, hint: RegExp]>([
    ['unix:p.sock', /absolute/],
    ['./p.sock', /absolute/],
    ['/run/a|b', /\|.*Rename/],
    ['/run/a\nb', /control/],
    ['localhost', /Missing port/],
  ])('rejects %j', (endpoint, hint) => {
    expect(expectInvalid(() => toHandshakeAddress(endpoint)).hint).toMatch(hint);
  });
});

describe('fromHandshakeAddress', () => {
  test.each([
    ['tcp', '127.0.0.1:1234', '127.0.0.1:1234'],
    ['tcp', '[::]:1234', '[::]:1234'],
    ['tcp', 'LOCALHOST:1234', 'localhost:1234'],
    ['unix', '/tmp/plugin123', 'unix:/tmp/plugin123'],
    ['unix', '//tmp/plugin123', 'unix:/tmp/plugin123'],
  ])('turns %s, %j into %j', (network, address, endpoint) => {
    expect(fromHandshakeAddress({ network, address })).toBe(endpoint);
  });

  test.each<[network: string, address: string, hint: RegExp]>([
    ['tcp', ':1234', /host is empty/],
    ['tcp', '127.0.0.1', /Missing port/],
    ['tcp', 'tcp://127.0.0.1:1234', /scheme.*host:port alone/],
    ['tcp', 'dns:host:1234', /scheme/],
    ['tcp', 'unix:/run/p.sock', /scheme/],
    ['tcp', '/run/p.sock', /host:port alone/],
    ['tcp', '', /empty/],
    ['unix', 'p.sock', /absolute/],
    ['unix', './p.sock', /absolute/],
    ['unix', 'unix:/run/p.sock', /absolute.*without a scheme/],
    ['unix', '@name', /absolute/],
    ['unix', '', /absolute/],
    ['unix', '/run/', /directory/],
    ['unix', '/run/a|b', /\|/],
    ['unix', '/run/a\n', /control/],
    ['TCP', '127.0.0.1:1234', /'tcp' or 'unix'/],
    ['udp', '127.0.0.1:1234', /'tcp' or 'unix'/],
  ])('rejects %s, %j', (network, address, hint) => {
    expect(expectInvalid(() => fromHandshakeAddress({ network, address })).hint).toMatch(hint);
  });

  test.each([undefined, null, 'unix', {}, { network: 'unix' }, { network: 1, address: '/run/p' }])(
    'rejects %j, which does not have two fields of text',
    (fields) => {
      expectInvalid(() => fromHandshakeAddress(fields as unknown as { network: string; address: string }));
    },
  );
});
