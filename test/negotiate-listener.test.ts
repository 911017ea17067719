import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freshDirectory, onDiagnostic, plainListener, rejectionOf } from '@rpcplugin/test-support';
import { negotiateListener, TransportError } from '@rpcplugin/transport-core';
import type { Transport, TransportFactory } from '@rpcplugin/transport-core';
import { tcpOptionsFromEnv, tcpTransportFactory } from '@rpcplugin/transport-tcp';
import { unixTransportFactory } from '@rpcplugin/transport-unix';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';

const both = ['tcp', 'unix'];
let directory: string;

beforeEach(async () => {
  directory = await freshDirectory();
});

/** Listens, and resolves with the transport. */
async function listen<T extends Transport>(transport: T): Promise<T> {
  onTestFinished(() => transport.close({ graceMs: 0 }));
  await transport.listen();
  return transport;
}

/** A factory whose transports keep what they are asked for. */
function watched<T extends Transport>(factory: TransportFactory<T>): TransportFactory<T> & { created: T[] } {
  const created: T[] = [];
  const create = (): T => {
    const transport = factory.create();
    created.push(transport);
    return transport;
  };
  return { network: factory.network, isSupported: () => factory.isSupported(), create, created };
}

/** A path that no socket can be created at. */
async function pathBelowFile(): Promise<string> {
  await writeFile(join(directory, 'file'), '');
  return join(directory, 'file/p.sock');
}

it('listens on the first network, and creates no other transport', async () => {
  const other = watched(tcpTransportFactory());
  const path = join(directory, 'p.sock');
  const transport = await negotiateListener(both, [unixTransportFactory({ path }), other], listen);
  expect(transport.endpoint).toBe(`unix:${path}`);
  expect(other.created).toEqual([]);
});

describe('an unusable port range in the environment', () => {
  const tcp = tcpTransportFactory(() => tcpOptionsFromEnv({ PLUGIN_MIN_PORT: '6000' }));

  it('does not matter to a plugin that listens on unix', async () => {
    const path = join(directory, 'p.sock');
    const transport = await negotiateListener(both, [unixTransportFactory(() => ({ path })), tcp], listen);
    expect(transport.endpoint).toBe(`unix:${path}`);
  });

  it('fails a plugin that would listen on TCP, and is not passed over', async () => {
    const error = await rejectionOf(negotiateListener(both, [tcp, unixTransportFactory()], listen));
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', hint: 'Set PLUGIN_MAX_PORT, too.' });
  });
});

describe('passes over a network', () => {
  const unsupported = { ...unixTransportFactory(), isSupported: () => false };
  it.each<{ why: string; code: string; make: () => TransportFactory | Promise<TransportFactory> }>([
    { why: 'that the platform lacks', code: 'UNSUPPORTED', make: () => unsupported },
    {
      why: 'whose factory throws',
      code: 'PATH_TOO_LONG',
      make: () => unixTransportFactory({ path: `/${'x'.repeat(200)}` }),
    },
    {
      why: 'that cannot listen',
      code: 'NOT_FOUND',
      make: async () => unixTransportFactory({ path: await pathBelowFile() }),
    },
    {
      why: 'without the address',
      code: 'ADDRESS_NOT_AVAILABLE',
      make: () => ({ ...tcpTransportFactory({ host: '192.0.2.1' }), network: 'unix' }),
    },
  ])('$why ($code), with a warning', async ({ code, make }) => {
    const warnings: unknown[] = [];
    const tcp = watched(tcpTransportFactory());
    const factories = [await make(), tcp];
    const transport = await negotiateListener(both, factories, (each) => {
      onDiagnostic('warning', each, (message) => warnings.push(message));
      return listen(each);
    });
    expect(transport).toBe(tcp.created[0]);
    const { endpoint } = transport;
    const what = 'the network unix was passed over';
    expect(warnings).toEqual([
      { transport, network: 'tcp', endpoint, what, cause: expect.objectContaining({ code }) as unknown },
    ]);
  });
});

it('closes a transport that it passes over', async () => {
  const unix = watched(unixTransportFactory({ path: await pathBelowFile() }));
  await negotiateListener(both, [unix, tcpTransportFactory()], listen);
  expect((await rejectionOf(unix.created[0]?.listen() ?? Promise.resolve())).code).toBe('CLOSED');
});

it('does not pass over an address in use', async () => {
  const path = join(directory, 'p.sock');
  await plainListener({ path });
  const tcp = watched(tcpTransportFactory());
  const listening = negotiateListener(both, [unixTransportFactory({ path }), tcp], listen);
  expect((await rejectionOf(listening)).code).toBe('ADDRESS_IN_USE');
  expect(tcp.created).toEqual([]);
});

it('does not go on after an abort', async () => {
  const tcp = watched(tcpTransportFactory());
  const signal = AbortSignal.abort();
  const factories = [unixTransportFactory({ path: join(directory, 'p.sock') }), tcp];
  const listening = negotiateListener(both, factories, (transport) => transport.listen({ signal }));
  expect((await rejectionOf(listening)).code).toBe('ABORTED');
  expect(tcp.created).toEqual([]);
});

it('rejects with the reason for each network if none works', async () => {
  const factories = [unixTransportFactory({ path: await pathBelowFile() }), tcpTransportFactory({ host: '192.0.2.1' })];
  const error = await rejectionOf(negotiateListener(both, factories, listen));
  expect(error.code).toBe('UNSUPPORTED');
  expect(error.message).toMatch(/^no network works here: unix: .*file.*; tcp: .*192\.0\.2\.1/);
  expect(error.hint).not.toBe('');
  expect(error.cause).toBeInstanceOf(AggregateError);
});

it('rejects with the error of the only network in common', async () => {
  const factories = [unixTransportFactory({ path: await pathBelowFile() }), tcpTransportFactory()];
  expect((await rejectionOf(negotiateListener(['unix'], factories, listen))).code).toBe('NOT_FOUND');
});

it('rejects with UNSUPPORTED, naming both lists, without a network in common', async () => {
  const error = await rejectionOf(negotiateListener(['quic'], [tcpTransportFactory()], listen));
  expect(error).toMatchObject({ code: 'UNSUPPORTED', message: expect.stringMatching(/quic.*tcp/) as string });
});

it('rethrows an error that is not of a transport', async () => {
  const listening = negotiateListener(['tcp'], [tcpTransportFactory()], () => Promise.reject(new RangeError('mine')));
  await expect(listening).rejects.toThrow(RangeError);
  expect(TransportError.isInstance(await listening.catch((error: unknown) => error))).toBe(false);
});
