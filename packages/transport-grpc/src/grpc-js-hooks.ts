import type { Http2SecureServer, Http2Server, Http2Session } from 'node:http2';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { Server as TlsServer } from 'node:tls';
import { ChannelCredentials, experimental } from '@grpc/grpc-js';
import type { ChannelOptions, Server, ServerCredentials } from '@grpc/grpc-js';
import { DialledPolicy, DialledPolicyConfig, POLICY } from './dialled-policy.js';
import { sessionOn } from './http2-hooks.js';
import { unsupported } from './unsupported.js';

// What this package needs from grpc-js, and from Node to do with it, beyond their documented interfaces; http2-hooks.ts
// and subchannel-pool.ts have the rest. test/grpc-js-hooks.test.ts has one test per assumption:
//
// 1. `ChannelCredentials._createSecureConnector` makes what each connection is secured with. grpc-js awaits its
//    `waitForReady`, then connects a socket, then passes that to `connect`, and starts HTTP/2 on what this resolves
//    with.
// 2. `experimental.registerResolver`: the addresses of a resolver reach `net.connect` as they are.
// 3. `net.connect` takes an object in `handle` for a socket's handle, so the socket of 1 can do without a peer.
// 4. `experimental.registerLoadBalancerType`: a policy decides what happens to a call while there is no connection.
// 5. `getPeer` of a server's call is what `getpeername` of the socket's handle says, also through TLS.
// 6. The `http2Servers` of a `Server` have the HTTP/2 server of the latest connection injector as their last key.
// 7. The handle of a `TLSSocket` has the connection below in `_parentWrap`, or in its `stream` if that is no socket.
// 8. The `commonServerOptions` of a `Server` are options of the HTTP/2 server that an injector gets.
// 9. A socket keeps what `getpeername` of its handle says in `_peername`.

type SecureConnector = ReturnType<ChannelCredentials['_createSecureConnector']>;
type SecuredConnection = Awaited<ReturnType<SecureConnector['connect']>>;
/** Node's TLS and HTTP/2 take any duplex. */
type DuplexConnector = SecureConnector & { connect(connection: Duplex): Promise<SecuredConnection> };

/** The connections of one channel, as grpc-js makes them. */
export interface ConnectionHooks {
  /** Dials a connection instead of grpc-js. Default: grpc-js connects by itself. */
  readonly dial?: (() => Promise<void>) | undefined;
  /** Returns the connection that was dialled, or `socket` if grpc-js connected it. Called once per connection. */
  opened(socket: Socket): Duplex;
  /** Called once the connection is secure, or is found to need no TLS, before HTTP/2 starts. */
  secured(connection: Duplex, secured: SecuredConnection): void;
  /**
   * Called once HTTP/2 has started, before the session calls back. The session is not known if the connection is a
   * stream that is no socket and has no TLS.
   */
  started(connection: Duplex, session: Http2Session | undefined): void;
  /** Called if TLS fails. */
  failed(connection: Duplex, error: unknown): void;
}

/**
 * Wraps credentials so that a channel opens its connections through hooks.
 *
 * @throws TransportError `UNSUPPORTED` if this version of grpc-js connects in another way.
 */
export function hookConnections(credentials: ChannelCredentials, hooks: ConnectionHooks): ChannelCredentials {
  // The channel rejects them.
  if (!(credentials instanceof ChannelCredentials)) return credentials;
  const create: unknown = (credentials as Partial<ChannelCredentials>)._createSecureConnector;
  if (typeof create !== 'function') throw unsupported('ChannelCredentials has no _createSecureConnector');
  return Object.create(credentials, {
    _createSecureConnector: {
      value: (...args: Parameters<ChannelCredentials['_createSecureConnector']>) =>
        hookConnector(credentials._createSecureConnector(...args), hooks),
    },
  }) as ChannelCredentials;
}

function hookConnector(connector: DuplexConnector, hooks: ConnectionHooks): SecureConnector {
  return {
    waitForReady: async () => {
      await connector.waitForReady();
      await hooks.dial?.();
    },
    connect: async (socket) => {
      const connection = hooks.opened(socket);
      if (connection !== socket) socket.destroy();
      try {
        const secured = await connector.connect(connection);
        hooks.secured(connection, secured);
        // After grpc-js has received it, and before the session calls back.
        process.nextTick(() => {
          hooks.started(connection, sessionOn(secured.socket));
        });
        return secured;
      } catch (error) {
        hooks.failed(connection, error);
        throw error;
      }
    },
    getCallCredentials: () => connector.getCallCredentials(),
    destroy: () => {
      connector.destroy();
    },
  };
}

/**
 * What Node's HTTP/2 limits per connection, and grpc-js has no options for. A client may reset as many calls as it
 * likes, where Node (22 and later) has the option. Otherwise 1000 resets in a burst, and then 33 a second, end the
 * connection with all of its calls. Metadata is limited by its size, 64 KiB, and not to 128 pairs.
 */
const limits = { streamResetBurst: 1_000_000, streamResetRate: 1_000_000, maxHeaderListPairs: 2048 };

/**
 * Creates a connection injector with higher {@link limits}.
 *
 * @throws Like `createConnectionInjector`.
 */
export function createInjector(
  server: Server,
  credentials: ServerCredentials,
): ReturnType<Server['createConnectionInjector']> {
  const hooked = server as unknown as { commonServerOptions: object };
  const given = hooked.commonServerOptions;
  hooked.commonServerOptions = { ...given, ...limits };
  try {
    return server.createConnectionInjector(credentials);
  } finally {
    hooked.commonServerOptions = given;
  }
}

/**
 * Calls back for each connection on which HTTP/2 begins, of the latest connection injector of a server. A TLS client
 * that does not speak HTTP/2 is disconnected; Node would keep it for ten seconds, even if it leaves.
 *
 * @param onSession - Called with the connection as it was injected.
 * @throws TransportError `UNSUPPORTED` if this version of grpc-js has no such server, and for TLS on Bun.
 */
export function hookSessions(server: Server, onSession: (connection: Duplex, session: Http2Session) => void): void {
  const { http2Servers } = server as unknown as { http2Servers?: Map<Http2Server | Http2SecureServer, unknown> };
  const http2Server = http2Servers instanceof Map ? [...http2Servers.keys()].at(-1) : undefined;
  if (http2Server === undefined) throw unsupported('Server has no http2Servers');
  if (process.versions['bun'] !== undefined && http2Server instanceof TlsServer) {
    throw unsupported('it does not tell which connection a TLS socket is on');
  }
  // Node creates the session while it emits one of the first two events.
  let current: Duplex;
  http2Server.prependListener('connection', (connection: Duplex) => {
    current = connection;
  });
  http2Server.prependListener('secureConnection', (secured: TlsSocket) => {
    const below = secured._handle._parentWrap;
    current = below.stream ?? below;
  });
  http2Server.on('session', (session: Http2Session) => {
    onSession(current, session);
  });
  http2Server.on('unknownProtocol', (secured: Socket) => {
    secured.destroy();
  });
}

type TlsSocket = Socket & { readonly _handle: { readonly _parentWrap: Duplex & { readonly stream?: Duplex } } };

/** The handle of a connected socket. That of a unix socket has no `getpeername`. */
interface SocketHandle {
  getpeername?: (name: object) => number;
}

/** Names the peer of a server's connection: a proxy's client, if known; else, on a unix socket, the endpoint. */
export function namePeer(connection: Duplex, client: string | undefined, endpoint: string): void {
  const socket = connection as { _handle?: SocketHandle | null; _peername?: unknown };
  const handle = socket._handle ?? {};
  const getName = handle.getpeername?.bind(handle);
  if (getName !== undefined && client === undefined) return;
  handle.getpeername = (name) => {
    // Keeps the family: a TCP transport knows by it whether the peer is there.
    const status = getName?.(name) ?? 0;
    Object.assign(name, { address: client ?? endpoint, port: undefined });
    return status;
  };
  // The transport has asked for the name of the proxy.
  socket._peername = null;
}

/** The scheme of targets whose connections are dialled by hooks. */
const SCHEME = 'rpcplugin';
let isRegistered = false;

/**
 * Returns the target of a channel whose connections are dialled by {@link ConnectionHooks.dial}.
 *
 * @param endpoint - What the channel and its calls name as their peer.
 * @throws TransportError `UNSUPPORTED` if this version of grpc-js cannot have such targets.
 */
export function dialledTarget(endpoint: string): string {
  if (!isRegistered) {
    const { registerResolver, registerLoadBalancerType } = experimental as Partial<typeof experimental>;
    if (registerResolver === undefined || registerLoadBalancerType === undefined) {
      throw unsupported('it has no experimental.registerResolver or registerLoadBalancerType');
    }
    registerResolver(SCHEME, DialledResolver);
    registerLoadBalancerType(POLICY, DialledPolicy, DialledPolicyConfig);
    isRegistered = true;
  }
  return `${SCHEME}:///${endpoint}`.replaceAll(/[\r\n\u2028\u2029]/g, ' ');
}

/** Returns channel options, with those that a {@link dialledTarget} cannot do without. */
export function dialledOptions(options: ChannelOptions): ChannelOptions {
  const given = JSON.parse(options['grpc.service_config'] ?? '{}') as object;
  return {
    ...options,
    'grpc.service_config': JSON.stringify({ ...given, loadBalancingConfig: [{ [POLICY]: {} }] }),
    'grpc.use_local_subchannel_pool': 1,
    'grpc.enable_http_proxy': 0,
  };
}

/** Resolves a target to one address that a socket connects to without a peer. */
class DialledResolver implements experimental.Resolver {
  readonly #target: experimental.GrpcUri;
  readonly #listener: experimental.ResolverListener;
  #isResolved = false;

  constructor(target: experimental.GrpcUri, listener: experimental.ResolverListener) {
    this.#target = target;
    this.#listener = listener;
  }

  updateResolution(): void {
    // A policy that asks for addresses after each failure would ask for ever, in the same turn of the event loop.
    if (this.#isResolved) return;
    this.#isResolved = true;
    const address = {
      path: this.#target.path,
      get handle() {
        return new InertHandle();
      },
    };
    process.nextTick(this.#listener, experimental.statusOrFromValue([{ addresses: [address] }]), {}, null, '');
  }

  destroy(): void {
    this.#isResolved = false;
  }

  /** HTTP/2 needs a host. Calls have the authority of the channel options. */
  static getDefaultAuthority(): string {
    return 'localhost';
  }
}

interface ConnectRequest {
  oncomplete(status: number, handle: InertHandle, request: ConnectRequest, readable: boolean, writable: boolean): void;
}

/** The handle of a socket that connects at once, to nothing. */
export class InertHandle {
  connect(request: ConnectRequest): number {
    process.nextTick(() => {
      request.oncomplete(0, this, request, true, true);
    });
    return 0;
  }

  readStart(): number {
    return 0;
  }

  readStop(): number {
    return 0;
  }

  close(callback?: () => void): void {
    if (callback !== undefined) process.nextTick(callback);
  }
}
