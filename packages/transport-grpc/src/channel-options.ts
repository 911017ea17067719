import type { ChannelOptions } from '@grpc/grpc-js';
import { formatEndpoint, isLocalHost, parseEndpoint } from '@rpcplugin/endpoint-utils';
import type { Endpoint } from '@rpcplugin/endpoint-utils';
import { typeOption } from '@rpcplugin/transport-base';

/** Options of {@link grpcChannelOptions}. */
export interface GrpcChannelOptionsOptions {
  /**
   * The authority of calls, and with TLS the name that the server's certificate must be for. Default: `localhost` for
   * endpoints on this machine (see `isLocalHost` of `@rpcplugin/endpoint-utils`), as in go-plugin; otherwise gRPC's
   * default, the host.
   */
  readonly authority?: string | undefined;
}

/**
 * Returns channel options that suit local plugins, for code that creates its own channels or clients:
 *
 * - no HTTP proxy from the environment, and no service configuration from DNS;
 * - a subchannel pool of its own, so that channels share neither connections nor back-off;
 * - no limit on the size of received messages, as in go-plugin;
 * - a flow-control window of 4 MiB instead of 64 KiB, so that large messages do not wait for window updates;
 * - quick reconnects (the first after 10 ms, then at least every 50 ms), and no disconnect of an idle channel;
 * - the authority `localhost` for endpoints on this machine.
 *
 * @param endpoint - A TCP or unix endpoint.
 * @throws TransportError `INVALID_ENDPOINT`, or `INVALID_ARGUMENT` for an authority that is not a string.
 */
export function grpcChannelOptions(endpoint: string, options: GrpcChannelOptionsOptions = {}): ChannelOptions {
  const parsed = parseEndpoint(endpoint);
  const fallback = parsed.network === 'unix' || isLocalHost(parsed.host) ? 'localhost' : undefined;
  return { ...anyPeer, ...onePeer, ...authorityOptions(options.authority, fallback) };
}

/** Options for a channel that is dialled by a transport: any endpoint, of any network. */
export function dialledChannelOptions(
  network: string,
  endpoint: string,
  authority: string | undefined,
): ChannelOptions {
  const options = { ...anyPeer, ...onePeer, ...authorityOptions(authority, 'localhost') };
  // Endpoints of unknown networks are taken for local, whatever they look like.
  if (authority !== undefined || network !== 'tcp') return options;
  const remote = remoteOf(endpoint);
  if (remote === undefined) return options;
  return {
    ...options,
    'grpc.default_authority': formatEndpoint(remote),
    'grpc.ssl_target_name_override': remote.host,
  };
}

/** Options for a channel whose target gRPC resolves itself. */
export function targetChannelOptions(target: string, authority: string | undefined): ChannelOptions {
  const proxy = isOneHost(target) ? {} : { 'grpc.enable_http_proxy': 0 };
  return { ...anyPeer, ...proxy, ...authorityOptions(authority, undefined) };
}

/**
 * Whether a target is a host that an HTTP proxy can connect to. grpc-js would ask the proxy for the whole of a list, or
 * for the name of a service that only a resolver knows, instead of resolving it.
 */
function isOneHost(target: string): boolean {
  if (target.includes(',')) return false;
  // Of a host, only digits follow the colon: its port.
  const scheme = /^([a-z][a-z0-9+.-]*):(?!\d+$)/i.exec(target)?.[1] ?? 'dns';
  return ['dns', 'ipv4', 'ipv6'].includes(scheme.toLowerCase());
}

const anyPeer: ChannelOptions = {
  'grpc.use_local_subchannel_pool': 1,
  'grpc.max_receive_message_length': -1,
  'grpc-node.flow_control_window': 4 * 1024 * 1024,
};

const onePeer: ChannelOptions = {
  'grpc.enable_http_proxy': 0,
  'grpc.service_config_disable_resolution': 1,
  'grpc.initial_reconnect_backoff_ms': 10,
  'grpc.max_reconnect_backoff_ms': 50,
  // The longest delay of a Node timer.
  'grpc.client_idle_timeout_ms': 2 ** 31 - 1,
};

function authorityOptions(given: string | undefined, fallback: string | undefined): ChannelOptions {
  const authority = typeOption('authority', given, 'string') ?? fallback;
  if (authority === undefined) return {};
  return {
    'grpc.default_authority': authority,
    // grpc-js verifies the name of the target, not the authority.
    'grpc.ssl_target_name_override': authority,
  };
}

/** The endpoint as one on another machine, if it is. */
function remoteOf(endpoint: string): (Endpoint & { network: 'tcp' }) | undefined {
  let parsed: Endpoint;
  try {
    parsed = parseEndpoint(endpoint);
  } catch {
    return undefined;
  }
  return parsed.network === 'unix' || isLocalHost(parsed.host) ? undefined : parsed;
}
