import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { joinHostPort, splitHostPort } from '../src/index.js';
import { refusal } from './refusal.js';

// What Go documents and its own tests expect of net.SplitHostPort and net.JoinHostPort.
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

const refused: [text: string, hint: RegExp][] = [
  ['', /^missing port/],
  ['golang.org', /^missing port/],
  ['127.0.0.1', /^missing port/],
  ['[::1]', /^missing port/],
  ['[fe80::1%lo0]', /^missing port/],
  ['[localhost%lo0]', /^missing port/],
  ['localhost%lo0', /^missing port/],
  ['[foo:bar]', /^missing port/],
  ['[foo:bar]baz', /^missing port/],
  ['[foo]bar:baz', /^missing port/],
  ['[foo', /^missing port/],
  ['::1', /^too many colons/],
  ['fe80::1%lo0', /^too many colons/],
  ['fe80::1%lo0:80', /^too many colons/],
  ['[foo]:[bar]:baz', /^too many colons/],
  ['[::1]:80:90', /^too many colons/],
  ['[::1:80', /^missing '\]'/],
  ['[foo]:[bar]baz', /^unexpected '\['/],
  ['foo[bar]:baz', /^unexpected '\['/],
  ['[[::1]:80', /^unexpected '\['/],
  ['foo]bar:baz', /^unexpected '\]'/],
  ['foo:b]ar', /^unexpected '\]'/],
];

describe('splitHostPort', () => {
  test.each([...both, ...splitOnly])('splits %j as Go does', (text, host, port) => {
    expect(splitHostPort(text)).toEqual({ host, port });
  });

  test.each(refused)('refuses %j for the reason that Go gives', (text, hint) => {
    const error = refusal(() => splitHostPort(text));
    expect(error.hint).toMatch(hint);
    expect(error.endpoint).toBe(text);
  });

  test.each([undefined, 80, {}])('refuses %j, which is no text', (value) => {
    refusal(() => splitHostPort(value as unknown as string));
  });
});

describe('joinHostPort', () => {
  test.each(both)('makes %j as Go does', (text, host, port) => {
    expect(joinHostPort(host, port)).toBe(text);
  });

  test.each([
    ['a:', '[a:]:c'],
    [':', '[:]:c'],
    ['a%b', 'a%b:c'],
  ])('puts brackets around a host with a colon only: %j', (host, text) => {
    expect(joinHostPort(host, 'c')).toBe(text);
  });

  test('takes a number', () => {
    expect(joinHostPort('::1', 80)).toBe('[::1]:80');
  });

  test.each([
    [undefined, 80],
    ['a', undefined],
    ['a', 1n],
    [{}, Symbol('s')],
  ])('refuses %o and %o', (host, port) => {
    refusal(() => joinHostPort(host as string, port as unknown as string));
  });

  test('is undone by splitHostPort', () => {
    const host = fc.string({ unit: 'binary' }).filter((text) => !/[[\]]/.test(text));
    const port = host.filter((text) => !text.includes(':'));
    fc.assert(
      fc.property(fc.oneof(host, fc.ipV6()), port, (h, p) => {
        expect(splitHostPort(joinHostPort(h, p))).toEqual({ host: h, port: p });
      }),
    );
  });
});
