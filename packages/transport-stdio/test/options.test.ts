import { PassThrough, Readable, Writable } from 'node:stream';
import { rejectionOf, thrownBy } from '@rpcplugin/test-support';
import { expect, it, onTestFinished } from 'vitest';
import { StdioTransport, stdioTransportFactory } from '../src/index.js';
import type { StdioTransportOptions } from '../src/index.js';

it.each<[what: string, options: unknown]>([
  ['options that are not an object', 3],
  ['a descriptor that is not an integer', { fd: 1.5 }],
  ['a negative descriptor', { fd: -1 }],
  ['a descriptor that is text', { fd: '3' }],
  ['a duplex that cannot be read', { duplex: new Writable() }],
  ['a duplex that cannot be written', { duplex: new Readable() }],
  ['a duplex that is a descriptor', { duplex: 3 }],
  ['an input without an output', { input: 0 }],
  ['an output without an input', { output: new PassThrough() }],
  ['an input that cannot be read', { input: new Writable(), output: 1 }],
  ['an output that cannot be written', { input: 0, output: new Readable() }],
  ['one descriptor as input and output', { input: 3, output: 3 }],
  ['a descriptor and a duplex', { fd: 3, duplex: new PassThrough() }],
  ['a descriptor and an input', { fd: 3, input: 0, output: 1 }],
  ['process.stdin', { input: Object.assign(new PassThrough(), { fd: 0 }), output: 1 }],
  ['process.stdout, to which writes block', { input: 0, output: Object.assign(new PassThrough(), { fd: 1 }) }],
])('rejects %s with INVALID_ARGUMENT', (_what, options) => {
  const error = thrownBy(() => new StdioTransport(options as StdioTransportOptions));
  expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', hint: expect.any(String) as string });
});

it('rejects the very process.stdout', () => {
  expect(thrownBy(() => new StdioTransport({ input: 0, output: process.stdout })).hint).toContain('descriptor, 1');
});

it('has its connection at descriptor 3 by default', async () => {
  // Of this process, that is not one that was passed to it.
  expect((await rejectionOf(new StdioTransport().listen())).message).toContain('descriptor 3 ');
});

it('has the network stdio, also by its factory', () => {
  const duplex = new PassThrough();
  const factory = stdioTransportFactory(() => ({ duplex }));
  expect([factory.network, factory.isSupported(), factory.create().network]).toEqual(['stdio', true, 'stdio']);
});

it.each<[string, StdioTransportOptions]>([
  ['fd', { fd: 3 }],
  ['the default', {}],
  ['input', { input: 0, output: new PassThrough() }],
])('rejects a descriptor on Bun, whose sockets do not work on one: %s', (_what, options) => {
  Object.defineProperty(process.versions, 'bun', { value: '1.4.5', configurable: true });
  onTestFinished(() => void Reflect.deleteProperty(process.versions, 'bun'));
  const error = thrownBy(() => new StdioTransport(options));
  expect(error).toMatchObject({ code: 'UNSUPPORTED', message: expect.stringContaining('on Bun') as string });
});
