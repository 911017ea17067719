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

  test.each([
    ['tcp', '127.0.0.1:1234'],
    ['unix', '/run/p.sock'],
  ])('accepts %s with its own endpoint', (network, address) => {
    expect(toHandshakeAddress(address, network)).toEqual({ network, address });
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

describe("a framework's own network", () => {
  test.each([
    ['pipe', 'pipe:/tmp/plugin/1', { network: 'pipe', address: '/tmp/plugin/1' }],
    ['memory', 'memory:1', { network: 'memory', address: '1' }],
    ['x-h3+quic', 'x-h3+quic:[::1]:443', { network: 'x-h3+quic', address: '[::1]:443' }],
    // One connection, which needs no address.
    ['stdio', 'stdio:', { network: 'stdio', address: '' }],
    // Read as TCP without the network.
    ['quic', 'quic:443', { network: 'quic', address: '443' }],
  ])('%s: the fields of %j lead back to it', (network, endpoint, fields) => {
    expect(toHandshakeAddress(endpoint, network)).toEqual(fields);
    expect(fromHandshakeAddress(fields)).toBe(endpoint);
  });

  test.each<[network: string, endpoint: string, hint: RegExp]>([
    ['pipe', '127.0.0.1:1', /not an endpoint of the network pipe/],
    ['pipe', 'pipes:1', /not an endpoint of the network pipe/],
    ['pipe', 'pipe:a|b', /\| or a control character/],
    ['pipe', 'pipe:a\rb', /control character/],
    ['Pipe', 'Pipe:1', /lower-case letters/],
    ['tcp', '/run/p.sock', /not an endpoint of the network tcp/],
    ['unix', '127.0.0.1:1', /not an endpoint of the network unix/],
  ])('%s: rejects %j', (network, endpoint, hint) => {
    expect(expectInvalid(() => toHandshakeAddress(endpoint, network)).hint).toMatch(hint);
  });

  test('takes text, not parts', () => {
    expectInvalid(() => toHandshakeAddress({ network: 'unix', path: '/run/p' }, 'pipe'));
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
    ['TCP', '127.0.0.1:1234', /lower-case letters/],
    ['', '127.0.0.1:1234', /name of a network/],
    ['4pipes', 'x', /starts with a letter/],
    ['pipe:', 'x', /name of a network/],
    ['pipe', 'a|b', /\| or a control character/],
    ['pipe', 'a\nb', /control character/],
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
