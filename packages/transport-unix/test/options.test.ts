import { thrownBy } from '@rpcplugin/test-support';
import { socketPathLimitBytes } from '@rpcplugin/transport-base';
import { describe, expect, it } from 'vitest';
import { unixOptionsFromEnv, UnixSocketTransport, unixTransportFactory } from '../src/index.js';
import type { UnixSocketTransportOptions } from '../src/index.js';
import { startChild } from './support.js';

/** Constructs a transport as a caller without types can. */
function construct(options: unknown): UnixSocketTransport {
  return new UnixSocketTransport(options as UnixSocketTransportOptions);
}

/** Strings that are neither a socket path nor a directory. */
const notPaths = ['', 'unix:', '/run/p\n', '/run/\0p', '\x7f', '/run/\ud800'];
const notStrings = [null, 42, NaN, true, [], ['/run/p.sock'], {}, Symbol('path'), new URL('file:///run/p.sock')];

describe('invalid options', () => {
  it.each(
    [...notPaths, '/run/', '.', '..', '/run/.', './', 'unix:/run/', 'unix:..', ...notStrings].map((path) => ({ path })),
  )('rejects path $path', ({ path }) => {
    expectInvalid('path', path, { path });
  });

  it('rejects path /, which is a directory like /run/', () => {
    expectInvalid('path', '/', { path: '/' });
  });

  it.each([...notPaths, 'unix:/run', 'unix:run'].map((directory) => ({ directory })))(
    'rejects directory $directory',
    ({ directory }) => {
      expectInvalid('directory', directory, { directory });
    },
  );

  it.each(notStrings.map((directory) => ({ directory })))('rejects directory $directory', ({ directory }) => {
    expectInvalid('directory', directory, { directory });
  });

  it.each([{ directory: '/run' }, { mode: 0o600 }, { group: 0 }])('rejects fd together with %j', (other) => {
    const message = `fd and ${Object.keys(other).join('')} cannot both be given`;
    expect(thrownBy(() => construct({ fd: 3, ...other }))).toMatchObject({ code: 'INVALID_ARGUMENT', message });
  });

  it('rejects path and directory together', () => {
    const error = thrownBy(() => construct({ path: '/run/p.sock', directory: '/run' }));
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', hint: expect.stringMatching(/path.*directory/) as string });
  });

  it.each([-1, 0o1000, 0o1777, 0o4755, 0o100660, 1.5, NaN, Infinity, '0660', '', null, true, {}])(
    'rejects mode %j',
    (mode) => {
      expectInvalid('mode', mode, { mode });
    },
  );

  it.each([-1, 1.5, NaN, Infinity, 2 ** 32 - 1, 2 ** 32, '', null, true, [], ['5'], {}])(
    'rejects group %j',
    (group) => {
      expectInvalid('group', group, { group });
    },
  );

  it.each(['4294967295', '99999999999'])('rejects group %j, a number that is no group ID', (group) => {
    expectInvalid('group', Number(group), { group });
  });

  it.each([0, -1, 65_536, 1.5, NaN, '511', null])('rejects backlog %j', (backlog) => {
    expectInvalid('backlog', backlog, { backlog });
  });

  it.each([0, -1, 1.5, NaN, Infinity, '10', null])('rejects maxConnections %j', (maxConnections) => {
    expectInvalid('maxConnections', maxConnections, { maxConnections });
  });

  it.each([null, true, false, 0, '', 'v2'])('rejects proxyProtocol %j', (proxyProtocol) => {
    expectInvalid('proxyProtocol', proxyProtocol, { proxyProtocol });
  });

  it.each([-1, NaN, '3000', null])('rejects proxyProtocol.timeoutMs %j', (timeoutMs) => {
    expectInvalid('proxyProtocol.timeoutMs', timeoutMs, { proxyProtocol: { timeoutMs } });
  });

  it.each([null, '/run/p.sock', 0o660])('rejects options %j', (options) => {
    expect(thrownBy(() => construct(options))).toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  it('rejects a path that is too long with PATH_TOO_LONG', () => {
    const path = `/${'x'.repeat(socketPathLimitBytes)}`;
    expect(thrownBy(() => construct({ path }))).toMatchObject({ code: 'PATH_TOO_LONG', endpoint: `unix:${path}` });
  });

  it.each([
    { by: 'options', given: { mode: -1 } },
    { by: 'a function', given: () => ({ mode: -1 }) },
  ])('rejects an option from $by when the factory creates a transport, not before', ({ given }) => {
    const factory = unixTransportFactory(given);
    expect(factory.network).toBe('unix');
    expect(factory.isSupported()).toBe(true);
    expect(thrownBy(() => factory.create())).toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: 'mode cannot be -1',
    });
  });
});

describe('valid options', () => {
  it.each([
    undefined,
    {},
    { path: undefined, directory: undefined, mode: undefined, group: undefined },
    { path: '/run/p.sock' },
    { path: 'p.sock' },
    { path: './p.sock' },
    { path: '../p.sock' },
    { path: '//run//p.sock' },
    { path: '/run/ä b|c%20.sock' },
    { path: '@p.sock' },
    { path: 'unix:p.sock' },
    { path: 'unix:/run/p.sock' },
    { path: 'unix://run/p.sock' },
    { path: 'unix:///run/p.sock' },
    { directory: '/' },
    { directory: '/run' },
    { directory: '/run/' },
    { directory: '/run//' },
    { directory: 'relative' },
    { mode: 0 },
    { mode: 0o777 },
    { group: 0 },
    { group: 2 ** 32 - 2 },
    { group: '4' },
    { group: '4294967294' },
    { group: 'a group that may exist later' },
  ])('accepts %j', (options) => {
    expect(construct(options)).toMatchObject({ network: 'unix', endpoint: undefined });
  });

  it.each(['.', './', '..', '/run/.', '/run/..'])('accepts directory %s', (directory) => {
    expect(construct({ directory })).toMatchObject({ network: 'unix' });
  });
});

describe('unixOptionsFromEnv', () => {
  it.each([
    [{}, {}],
    [{ PLUGIN_UNIX_SOCKET_DIR: '', PLUGIN_UNIX_SOCKET_GROUP: '' }, {}],
    [{ PLUGIN_UNIX_SOCKET_DIR: '/run/host' }, { directory: '/run/host' }],
    [{ PLUGIN_UNIX_SOCKET_GROUP: 'staff' }, { group: 'staff' }],
    [{ PLUGIN_UNIX_SOCKET_GROUP: '50' }, { group: '50' }],
    [{ PLUGIN_UNIX_SOCKET_GROUP: '0' }, { group: '0' }],
    [{ PLUGIN_UNIX_SOCKET_GROUP: '50x' }, { group: '50x' }],
    [{ PLUGIN_UNIX_SOCKET_GROUP: '-1' }, { group: '-1' }],
    [
      { PLUGIN_UNIX_SOCKET_DIR: '/run/host', PLUGIN_UNIX_SOCKET_GROUP: 'staff', OTHER: 'x' },
      { directory: '/run/host', group: 'staff' },
    ],
  ])('reads %j', (env, options) => {
    expect(unixOptionsFromEnv(env)).toEqual(options);
    expect(() => construct(unixOptionsFromEnv(env))).not.toThrow();
  });

  it('passes on a number that is no group ID, which the constructor rejects', () => {
    const options = unixOptionsFromEnv({ PLUGIN_UNIX_SOCKET_GROUP: '99999999999' });
    expectInvalid('group', 99_999_999_999, options);
  });

  it('reads process.env by default', () => {
    const { PLUGIN_UNIX_SOCKET_DIR, PLUGIN_UNIX_SOCKET_GROUP } = process.env;
    expect(unixOptionsFromEnv()).toEqual(unixOptionsFromEnv({ PLUGIN_UNIX_SOCKET_DIR, PLUGIN_UNIX_SOCKET_GROUP }));
  });
});

describe('on Windows', () => {
  it('listen rejects with UNSUPPORTED and suggests the TCP transport', async () => {
    const child = await startChild();
    await child.ask({ do: 'pretend', platform: 'win32' });
    const { error } = await child.ask({ do: 'listen' });
    expect(error).toMatchObject({ code: 'UNSUPPORTED' });
    expect(error?.message).toContain('Windows');
    expect(error?.hint).toContain('@rpcplugin/transport-tcp');
  });
});

function expectInvalid(name: string, value: unknown, options: unknown): void {
  const error = thrownBy(() => construct(options));
  expect(error.code).toBe('INVALID_ARGUMENT');
  expect(error.message).toBe(`${name} cannot be ${shown(value)}`);
  expect(error.hint).toMatch(/^Give /);
}

/** A value as an error message shows it. */
function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value).replace('\x7f', '\\u{7f}');
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}
