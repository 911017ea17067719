// `pnpm typecheck` checks these; at run time they do nothing.
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { negotiateTransport, TransportError } from '@rpcplugin/transport-core';
import type {
  CloseOptions,
  ConnectionInfo,
  ConnectOptions,
  ListenOptions,
  Transport,
  TransportErrorCode,
  TransportFactory,
} from '@rpcplugin/transport-core';
import { tcpTransportFactory } from '@rpcplugin/transport-tcp';
import type { TCPSocketTransport, TCPSocketTransportOptions } from '@rpcplugin/transport-tcp';
import { unixTransportFactory } from '@rpcplugin/transport-unix';
import type { UnixSocketTransport, UnixSocketTransportOptions } from '@rpcplugin/transport-unix';
import { describe, expectTypeOf, it } from 'vitest';

describe('onConnection', () => {
  it('may return any type', () => {
    expectTypeOf({ onConnection: (connection: Socket) => connection.end('hi') }).toExtend<ListenOptions<Socket>>();
    expectTypeOf({ onConnection: (connection: Duplex) => connection.pipe(connection) }).toExtend<ListenOptions>();
    expectTypeOf({ onConnection: async () => Promise.resolve(5) }).toExtend<ListenOptions>();
  });

  it('gets a net.Socket from socket transports without an annotation', () => {
    const listen = (transport: TCPSocketTransport | UnixSocketTransport): Promise<string> =>
      transport.listen({
        onConnection: (connection) => {
          expectTypeOf(connection).toEqualTypeOf<Socket>();
        },
      });
    expectTypeOf(listen).returns.resolves.toBeString();
  });

  it('gets what is known about the connection', () => {
    const listen = (transport: TCPSocketTransport | Transport): Promise<string> =>
      transport.listen({
        onConnection: (_, info) => {
          expectTypeOf(info).toEqualTypeOf<ConnectionInfo>();
          expectTypeOf(info.client).toEqualTypeOf<string | undefined>();
        },
      });
    expectTypeOf(listen).returns.resolves.toBeString();
  });

  it('cannot take another type of parameter', () => {
    expectTypeOf({ onConnection: (text: string) => text }).not.toExtend<ListenOptions>();
  });
});

describe('options', () => {
  it('may be undefined with exactOptionalPropertyTypes', () => {
    expectTypeOf<{ signal: AbortSignal | undefined; timeoutMs: undefined }>().toExtend<ConnectOptions>();
    expectTypeOf<{ graceMs: number | undefined }>().toExtend<CloseOptions>();
    expectTypeOf<{ port: { min: number; max: number } | undefined }>().toExtend<TCPSocketTransportOptions>();
  });

  it('may be readonly', () => {
    expectTypeOf<{ readonly host: 'localhost'; readonly port: 80 }>().toExtend<TCPSocketTransportOptions>();
    expectTypeOf<{ proxyProtocol: { from: readonly ['::1'] } }>().toExtend<TCPSocketTransportOptions>();
  });

  it('of the PROXY protocol name the proxies over TCP', () => {
    expectTypeOf<{ proxyProtocol: { timeoutMs: 5 } }>().not.toExtend<TCPSocketTransportOptions>();
    expectTypeOf<{ proxyProtocol: { timeoutMs: 5 } }>().toExtend<UnixSocketTransportOptions>();
  });
});

describe('Transport', () => {
  it('is implemented by every socket transport', () => {
    expectTypeOf<TCPSocketTransport>().toExtend<Transport>();
    expectTypeOf<UnixSocketTransport>().toExtend<Transport<Socket>>();
    expectTypeOf<TCPSocketTransport['connect']>().returns.resolves.toEqualTypeOf<Socket>();
  });
});

describe('negotiateTransport', () => {
  const both = [unixTransportFactory(), tcpTransportFactory()];

  it('returns the type of transport that the factories create', () => {
    const choose = () => negotiateTransport(['tcp'], [tcpTransportFactory()]);
    expectTypeOf(choose).returns.toEqualTypeOf<TCPSocketTransport>();
    const chooseAny = () => negotiateTransport(['tcp'], both);
    expectTypeOf(chooseAny).returns.toEqualTypeOf<TCPSocketTransport | UnixSocketTransport>();
  });

  it('accepts given factories or a default', () => {
    const choose = (given?: readonly TransportFactory[]) =>
      negotiateTransport(['tcp'], given ?? [unixTransportFactory(), tcpTransportFactory()]);
    expectTypeOf(choose).returns.toExtend<Transport>();
  });

  it('accepts a constant tuple', () => {
    const factories = [tcpTransportFactory()] as const;
    expectTypeOf(() => negotiateTransport(['tcp'], factories)).returns.toEqualTypeOf<TCPSocketTransport>();
  });
});

describe('TransportError', () => {
  it('is narrowed by isInstance and instanceof', () => {
    const codeOf = (error: unknown) => (TransportError.isInstance(error) ? error.code : undefined);
    expectTypeOf(codeOf).returns.toEqualTypeOf<TransportErrorCode | undefined>();
    const hintOf = (error: unknown) => (error instanceof TransportError ? error.hint : undefined);
    expectTypeOf(hintOf).returns.toEqualTypeOf<string | undefined>();
  });
});
