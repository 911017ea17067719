import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { ChannelCredentials, connectivityState, experimental } from '@grpc/grpc-js';
import type { ChannelOptions } from '@grpc/grpc-js';
import { TransportError } from '@rpcplugin/transport-core';

// What this package needs from grpc-js and Node beyond their documented interfaces. All of it is in this file, and
// test/grpc-js-hooks.test.ts has one test per assumption:
//
// 1. `ChannelCredentials._createSecureConnector` makes what each connection is secured with. grpc-js awaits its
//    `waitForReady`, then connects a socket, then passes that to `connect`, and starts HTTP/2 on what this resolves
//    with.
// 2. `experimental.registerResolver`: the addresses of a resolver reach `net.connect` as they are.
// 3. `net.connect` takes an object in `handle` for a socket's handle, so the socket of 1 can do without a peer.
// 4. `experimental.registerLoadBalancerType`: a policy decides what happens to a call while there is no connection.
// 5. On the server, `getPeer` of a call is the `remoteAddress` of the connection: what `getpeername` of the socket's
//    handle says, also through TLS.

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

/** The error for a version of grpc-js or Node that lacks what this file needs. */
export function unsupported(what: string): TransportError {
  return new TransportError('UNSUPPORTED', `cannot dial for this version of @grpc/grpc-js: ${what}`, {
    hint: 'Install a version of @grpc/grpc-js in the range of peer dependencies of @rpcplugin/transport-grpc.',
  });
}

/** The handle of a connected socket. That of a unix socket has no `getpeername`. */
interface SocketHandle {
  getpeername?: (name: { address?: string }) => number;
}

/** Names the peer of a unix socket, for `getPeer` of its calls. */
export function namePeer(connection: Duplex, address: string): void {
  const { _handle: handle } = connection as { _handle?: SocketHandle | null };
  if (handle === undefined || handle === null) return;
  handle.getpeername ??= (name) => {
    name.address = address;
    return 0;
  };
}

/** The scheme of targets whose connections are dialled by hooks, and the name of their load balancing policy. */
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
    registerLoadBalancerType(SCHEME, DialledPolicy, DialledPolicyConfig);
    isRegistered = true;
  }
  return `${SCHEME}:///${endpoint}`.replaceAll(/[\r\n\u2028\u2029]/g, ' ');
}

/** Returns channel options, with those that a {@link dialledTarget} cannot do without. */
export function dialledOptions(options: ChannelOptions): ChannelOptions {
  const given = JSON.parse(options['grpc.service_config'] ?? '{}') as object;
  return {
    ...options,
    'grpc.service_config': JSON.stringify({ ...given, loadBalancingConfig: [{ [SCHEME]: {} }] }),
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

class DialledPolicyConfig implements experimental.TypedLoadBalancingConfig {
  static createFromJson(): DialledPolicyConfig {
    return new DialledPolicyConfig();
  }

  getLoadBalancerName(): string {
    return SCHEME;
  }

  toJsonObject(): object {
    return { [SCHEME]: {} };
  }
}

/**
 * One connection, dialled when a call needs it. Every call is judged by a dial that ends after the call was made: when
 * one fails, the calls that waited for it fail with its error, and the next call dials again. gRPC's own policy
 * `pick_first` lets new calls fail with the latest error until a dial in the background succeeds, so that it fails
 * calls to a plugin that has just come back.
 */
class DialledPolicy implements experimental.LoadBalancer {
  readonly #helper: experimental.ChannelControlHelper;
  #subchannel: experimental.SubchannelInterface | undefined;
  #calls = 0;
  /** Keeps the process alive while calls are in progress, which a connection that is not a `net.Socket` does not. */
  readonly #keepAlive = setInterval(() => undefined, 2 ** 31 - 1).unref();

  constructor(helper: experimental.ChannelControlHelper) {
    this.#helper = helper;
  }

  updateAddressList(
    endpoints: experimental.StatusOr<experimental.Endpoint[]>,
    _config: experimental.TypedLoadBalancingConfig,
    options: ChannelOptions,
  ): boolean {
    const address = endpoints.ok ? endpoints.value[0]?.addresses[0] : undefined;
    if (this.#subchannel !== undefined || address === undefined) return true;
    const subchannel = this.#helper.createSubchannel(address, options);
    subchannel.ref();
    subchannel.addConnectivityStateListener(this.#onState);
    this.#helper.addChannelzChild(subchannel.getChannelzRef());
    this.#subchannel = subchannel;
    this.#wait(connectivityState.CONNECTING);
    subchannel.startConnecting();
    return true;
  }

  readonly #onState: experimental.ConnectivityStateListener = (subchannel, _previous, state, _keepalive, error) => {
    switch (state) {
      case connectivityState.READY:
        this.#helper.updateState(state, this.#pickerOf(subchannel), null);
        break;
      case connectivityState.TRANSIENT_FAILURE:
        this.#helper.updateState(state, new experimental.UnavailablePicker({ details: error ?? '' }), error ?? null);
        this.#wait(connectivityState.IDLE);
        break;
      default:
        this.#wait(state);
    }
  };

  /** Lets calls wait for a connection. The first one starts to dial, unless that is in progress. */
  #wait(state: connectivityState): void {
    this.#helper.updateState(state, new experimental.QueuePicker(this), null);
  }

  #pickerOf(subchannel: experimental.SubchannelInterface): experimental.Picker {
    const result: experimental.PickResult = {
      pickResultType: experimental.PickResultType.COMPLETE,
      subchannel,
      status: null,
      onCallStarted: () => {
        if (this.#calls++ === 0) this.#keepAlive.ref();
      },
      onCallEnded: () => {
        if (--this.#calls > 0) return;
        this.#keepAlive.unref();
        if (this.#subchannel === undefined) clearInterval(this.#keepAlive);
      },
    };
    return { pick: () => result };
  }

  exitIdle(): void {
    this.#subchannel?.startConnecting();
  }

  resetBackoff(): void {
    // The subchannel has the back-off.
  }

  destroy(): void {
    const subchannel = this.#subchannel;
    this.#subchannel = undefined;
    if (this.#calls === 0) clearInterval(this.#keepAlive);
    if (subchannel === undefined) return;
    subchannel.removeConnectivityStateListener(this.#onState);
    this.#helper.removeChannelzChild(subchannel.getChannelzRef());
    subchannel.unref();
  }

  getTypeName(): string {
    return SCHEME;
  }
}
