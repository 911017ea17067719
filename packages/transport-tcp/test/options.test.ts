import { thrownBy } from '@rpcplugin/test-support';
import { describe, expect, it } from 'vitest';
import { TCPSocketTransport, tcpOptionsFromEnv, tcpTransportFactory } from '../src/index.js';
import type { TCPSocketTransportOptions } from '../src/index.js';

/** Constructs a transport as a caller without types can. */
function construct(options: unknown): TCPSocketTransport {
  return new TCPSocketTransport(options as TCPSocketTransportOptions);
}

const notPorts = [-1, 65_536, 1.5, NaN, Infinity, -Infinity, '', '0', '8080', null, true, 1n, Symbol('port'), () => 1];
const notProxies = [
  '',
  'localhost',
  '10.0.0',
  '10.0.0.256',
  '010.0.0.1',
  '10.0.0.0/33',
  '10.0.0.0/',
  '10.0.0.0/08',
  '10.0.0.0/-1',
  '10.0.0.0/8/8',
  '10.0.0.1:80',
  ' 10.0.0.1',
  '[::1]',
  '::1/129',
  'fe80::1%lo',
  5,
  null,
  undefined,
];
const notHosts = [
  '',
  ' ',
  '[::1]',
  '[127.0.0.1]',
  'http://127.0.0.1',
  'tcp://localhost',
  'tcp:localhost',
  'unix:/run/p.sock',
  '/run/p.sock',
  '127.0.0.1:80',
  '::1]:80',
  'user@localhost',
  'local host',
  'localhost\n',
  'local\0host',
  '127.0.0.1,127.0.0.2',
  '256.0.0.1',
  '127.1',
  '0x7f.1',
  'stdio',
  '01.2.3.4',
  '1::2::3',
  '::1%',
  '-dash',
  'a..b',
  'häuschen',
  '*',
  'x'.repeat(254),
  null,
  127,
  NaN,
  true,
  [],
  ['127.0.0.1'],
  {},
  Symbol('host'),
];

describe('invalid options', () => {
  it.each(notPorts.map((port) => ({ port })))('rejects port $port', ({ port }) => {
    const error = thrownBy(() => construct({ port }));
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', message: expect.stringMatching(/^port /) as string });
    expect(error.message).toContain(shown(port));
    expect(error.hint).toMatch(/^Give /);
  });

  it.each(notHosts.map((host) => ({ host })))('rejects host $host', ({ host }) => {
    const error = thrownBy(() => construct({ host }));
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', message: expect.stringMatching(/^host /) as string });
    expect(error.message).toContain(shown(host));
    expect(error.hint).not.toBe('');
    expect(error.hint).toBeDefined();
  });

  it('gives a host the same hint as an endpoint with this host', () => {
    expect(thrownBy(() => construct({ host: 'local host' })).hint).toMatch(/whitespace/);
  });

  const notRanges: [unknown, RegExp][] = [
    [{}, /^port /],
    [[], /^port /],
    [[5000, 6000], /^port /],
    [{ min: 1 }, /^port /],
    [{ max: 1 }, /^port /],
    [{ min: 2, max: 1 }, /^port\.min cannot be 2$/],
    [{ min: -1, max: 1 }, /^port\.min cannot be -1$/],
    [{ min: 1, max: 65_536 }, /^port\.max cannot be 65536$/],
    [{ min: NaN, max: 1 }, /^port\.min cannot be NaN$/],
    [{ min: 1, max: NaN }, /^port\.max cannot be NaN$/],
    [{ min: 1.5, max: 2 }, /^port\.min cannot be 1\.5$/],
    [{ min: '1', max: 2 }, /^port\.min cannot be "1"$/],
    [{ min: 1, max: '2' }, /^port\.max cannot be "2"$/],
    [{ min: null, max: 2 }, /^port\.min cannot be null$/],
    [{ min: 1, max: null }, /^port\.max cannot be null$/],
  ];
  it.each(notRanges)('rejects port range %j', (port, message) => {
    const error = thrownBy(() => construct({ port }));
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', hint: expect.stringMatching(/\S/) as string });
    expect(error.message).toMatch(message);
  });

  it('suggests swapping the ends of an inverted range', () => {
    expect(thrownBy(() => construct({ port: { min: 6000, max: 5000 } })).hint).toBe(
      'It is above port.max, 5000. Swap them.',
    );
  });

  it.each([0, -1, 65_536, 1.5, NaN, '511', null])('rejects backlog %j', (backlog) => {
    const error = thrownBy(() => construct({ backlog }));
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', hint: 'Give an integer from 1 to 65535.' });
    expect(error.message).toBe(`backlog cannot be ${shown(backlog)}`);
  });

  it.each([0, -1, 1.5, NaN, Infinity, '10', null])('rejects maxConnections %j', (maxConnections) => {
    const error = thrownBy(() => construct({ maxConnections }));
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', hint: expect.stringMatching(/^Give /) as string });
    expect(error.message).toBe(`maxConnections cannot be ${shown(maxConnections)}`);
  });

  it.each([0, 999, 1000.5, 32_767_001, NaN, Infinity, '1000', null])('rejects keepAliveMs %j', (keepAliveMs) => {
    const error = thrownBy(() => construct({ keepAliveMs }));
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', hint: 'Give an integer from 1000 to 32767000.' });
    expect(error.message).toBe(`keepAliveMs cannot be ${shown(keepAliveMs)}`);
  });

  it.each([null, true, false, 0, '', '10.0.0.1'])('rejects proxyProtocol %j', (proxyProtocol) => {
    const error = thrownBy(() => construct({ proxyProtocol }));
    expect(error.code).toBe('INVALID_ARGUMENT');
    expect(error.message).toMatch(/^proxyProtocol cannot be /);
  });

  it.each([undefined, null, [], '10.0.0.1', {}])('rejects proxyProtocol.from %j, which names no proxy', (from) => {
    const error = thrownBy(() => construct({ proxyProtocol: { from } }));
    expect(error.code).toBe('INVALID_ARGUMENT');
    expect(error.message).toMatch(/^proxyProtocol\.from cannot be /);
  });

  it.each(notProxies.map((proxy) => ({ proxy })))('rejects $proxy in proxyProtocol.from', ({ proxy }) => {
    const error = thrownBy(() => construct({ proxyProtocol: { from: ['10.0.0.1', proxy] } }));
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', hint: expect.stringMatching(/^Give /) as string });
    expect(error.message).toBe(`proxyProtocol.from cannot be ${shown(proxy)}`);
  });

  it.each([-1, NaN, '3000', null])('rejects proxyProtocol.timeoutMs %j', (timeoutMs) => {
    const error = thrownBy(() => construct({ proxyProtocol: { from: ['10.0.0.1'], timeoutMs } }));
    expect(error.code).toBe('INVALID_ARGUMENT');
    expect(error.message).toMatch(/^proxyProtocol\.timeoutMs cannot be /);
  });

  it.each([null, '127.0.0.1:0', 8080])('rejects options %j', (options) => {
    expect(thrownBy(() => construct(options))).toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  it('rejects an option when the factory creates a transport, not before', () => {
    const factory = tcpTransportFactory({ port: -1 });
    expect(factory).toMatchObject({ network: 'tcp' });
    expect(factory.isSupported()).toBe(true);
    expect(thrownBy(() => factory.create()).code).toBe('INVALID_ARGUMENT');
  });
});

describe('valid options', () => {
  it.each([
    undefined,
    {},
    { host: undefined, port: undefined, backlog: undefined, maxConnections: undefined },
    { port: 65_535 },
    { port: { min: 0, max: 0 } },
    { port: { min: 1, max: 65_535 } },
    { host: '::' },
    { host: '0.0.0.0' },
    { host: 'LOCALHOST' },
    { host: 'fe80::1%eth0' },
    { backlog: 1, maxConnections: 1, keepAliveMs: 1000 },
    { backlog: 65_535, maxConnections: Number.MAX_SAFE_INTEGER, keepAliveMs: 32_767_000 },
  ])('accepts %j', (options) => {
    expect(construct(options)).toMatchObject({ network: 'tcp', endpoint: undefined });
  });

  it('accepts frozen options and does not change them', async () => {
    const port = Object.freeze({ min: 0, max: 0 });
    const options = Object.freeze({ host: '127.0.0.1', port });
    await using transport = new TCPSocketTransport(options);
    await transport.listen();
    expect(options).toEqual({ host: '127.0.0.1', port: { min: 0, max: 0 } });
  });
});

describe('tcpOptionsFromEnv', () => {
  it.each([
    [{}, 0, 0],
    [{ PLUGIN_MIN_PORT: '', PLUGIN_MAX_PORT: '' }, 0, 0],
    [{ PLUGIN_MIN_PORT: '5000', PLUGIN_MAX_PORT: '6000' }, 5000, 6000],
    [{ PLUGIN_MIN_PORT: '5000', PLUGIN_MAX_PORT: '5000' }, 5000, 5000],
    [{ PLUGIN_MAX_PORT: '6000' }, 0, 6000],
    [{ PLUGIN_MIN_PORT: '', PLUGIN_MAX_PORT: '6000' }, 0, 6000],
    [{ PLUGIN_MIN_PORT: '00080', PLUGIN_MAX_PORT: '65535' }, 80, 65_535],
    [{ OTHER: 'x', PLUGIN_MIN_PORT: '0', PLUGIN_MAX_PORT: '0' }, 0, 0],
  ])('reads %j', (env, min, max) => {
    const options = tcpOptionsFromEnv(env);
    expect(options).toEqual({ port: { min, max } });
    expect(() => construct(options)).not.toThrow();
  });

  it.each(['65536', '99999', '100000', '-1', '+1', '1.5', '1e3', '0x50', ' 80', '80 ', 'http', 'NaN', '８０', '\n'])(
    'rejects %j and names the variable',
    (text) => {
      for (const name of ['PLUGIN_MIN_PORT', 'PLUGIN_MAX_PORT']) {
        const error = thrownBy(() => tcpOptionsFromEnv({ PLUGIN_MAX_PORT: '6000', [name]: text }));
        expect(error).toMatchObject({
          code: 'INVALID_ARGUMENT',
          message: `${name} cannot be ${JSON.stringify(text)}`,
          hint: 'Set it to a port from 0 to 65535, or unset it.',
        });
      }
    },
  );

  it.each([
    [{ PLUGIN_MIN_PORT: '6000', PLUGIN_MAX_PORT: '5000' }, 'It is above PLUGIN_MAX_PORT, 5000. Swap them.'],
    [{ PLUGIN_MIN_PORT: '6000', PLUGIN_MAX_PORT: '0' }, 'It is above PLUGIN_MAX_PORT, 0. Swap them.'],
    [{ PLUGIN_MIN_PORT: '6000', PLUGIN_MAX_PORT: '' }, 'Set PLUGIN_MAX_PORT, too.'],
    [{ PLUGIN_MIN_PORT: '6000' }, 'Set PLUGIN_MAX_PORT, too.'],
  ])('rejects the inverted range %j with a hint', (env, hint) => {
    expect(thrownBy(() => tcpOptionsFromEnv(env))).toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: 'PLUGIN_MIN_PORT cannot be "6000"',
      hint,
    });
  });

  it('reads process.env by default', () => {
    const { PLUGIN_MIN_PORT, PLUGIN_MAX_PORT } = process.env;
    expect(tcpOptionsFromEnv()).toEqual(tcpOptionsFromEnv({ PLUGIN_MIN_PORT, PLUGIN_MAX_PORT }));
  });
});

/** A value as an error message shows it. */
function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value).slice(0, 100);
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'object' && value !== null) return 'an object';
  return typeof value === 'function' ? 'a function' : String(value);
}
