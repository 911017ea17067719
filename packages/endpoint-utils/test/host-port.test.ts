import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { joinHostPort, splitHostPort } from '../src/index.js';
import { codePoint } from './arbitraries.js';
import { expectInvalid } from './support.js';

// From Go's documentation and its own tests of net.SplitHostPort and net.JoinHostPort.
const both: [text: string, host: string, port: string][] = [
  ['localhost:http', 'localhost', 'http'],
  ['localhost:80', 'localhost', '80'],
  ['127.0.0.1:1234', '127.0.0.1', '1234'],
  ['[::1]:80', '::1', '80'],
  ['[::1%lo0]:80', '::1%lo0', '80'],
  ['localhost%lo0:80', 'localhost%lo0', '80'],
  [':0', '', '0'],
  ['golang.org:https%foo', 'golang.org', 'https%foo'],
  ['golang.org:', 'golang.org', ''],
  ['[::1]:', '::1', ''],
  [':', '', ''],
  [' a b :\n', ' a b ', '\n'],
];

const splitOnly: [text: string, host: string, port: string][] = [
  ['[localhost]:http', 'localhost', 'http'],
  ['[127.0.0.1]:80', '127.0.0.1', '80'],
  ['[localhost%lo0]:80', 'localhost%lo0', '80'],
  ['[]:80', '', '80'],
  ['[]:', '', ''],
];

const rejected: [text: string, hint: RegExp][] = [
  ['', /^Missing port/],
  ['golang.org', /^Missing port/],
  ['127.0.0.1', /^Missing port/],
  ['[::1]', /^Missing port/],
  ['[fe80::1%lo0]', /^Missing port/],
  ['[localhost%lo0]', /^Missing port/],
  ['localhost%lo0', /^Missing port/],
  ['[foo:bar]', /^Missing port/],
  ['[foo:bar]baz', /^Missing port/],
  ['[foo]bar:baz', /^Missing port/],
  ['[foo', /^Missing port/],
  ['::1', /^Too many colons/],
  ['fe80::1%lo0', /^Too many colons/],
  ['fe80::1%lo0:80', /^Too many colons/],
  ['[foo]:[bar]:baz', /^Too many colons/],
  ['[::1]:80:90', /^Too many colons/],
  ['[::1:80', /^Missing '\]'/],
  ['[foo]:[bar]baz', /^Unexpected '\['/],
  ['foo[bar]:baz', /^Unexpected '\['/],
  ['[[::1]:80', /^Unexpected '\['/],
  ['foo]bar:baz', /^Unexpected '\]'/],
  ['foo:b]ar', /^Unexpected '\]'/],
];

describe('splitHostPort', () => {
  test.each([...both, ...splitOnly])('splits %j like Go', (text, host, port) => {
    expect(splitHostPort(text)).toEqual({ host, port });
  });

  test.each(rejected)('rejects %j for the same reason as Go', (text, hint) => {
    const error = expectInvalid(() => splitHostPort(text));
    expect(error.hint).toMatch(hint);
    expect(error.endpoint).toBe(text);
  });

  test.each([undefined, 80, {}])('rejects %j, which is not a string', (value) => {
    expectInvalid(() => splitHostPort(value as unknown as string));
  });
});

describe('joinHostPort', () => {
  test.each(both)('makes %j like Go', (text, host, port) => {
    expect(joinHostPort(host, port)).toBe(text);
  });

  test.each([
    ['a:', '[a:]:c'],
    [':', '[:]:c'],
    ['a%b', 'a%b:c'],
  ])('puts brackets only around a host with a colon, such as %j', (host, text) => {
    expect(joinHostPort(host, 'c')).toBe(text);
  });

  test('accepts a number as the port', () => {
    expect(joinHostPort('::1', 80)).toBe('[::1]:80');
  });

  test.each([
    [undefined, 80],
    ['a', undefined],
    ['a', 1n],
    [{}, Symbol('s')],
  ])('rejects %o and %o', (host, port) => {
    expectInvalid(() => joinHostPort(host as string, port as unknown as string));
  });

  test('makes text that splitHostPort splits into the same parts', () => {
    const host = fc.string({ unit: codePoint }).filter((text) => !/[[\]]/.test(text));
    const port = host.filter((text) => !text.includes(':'));
    fc.assert(
      fc.property(fc.oneof(host, fc.ipV6()), port, (h, p) => {
        expect(splitHostPort(joinHostPort(h, p))).toEqual({ host: h, port: p });
      }),
    );
  });
});
