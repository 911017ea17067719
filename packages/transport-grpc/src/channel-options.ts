import type { ChannelOptions } from '@grpc/grpc-js';
import { typeOption } from '@rpcplugin/transport-base';
import { grpcTarget, isLocal } from './target.js';
import type { GrpcTarget } from './target.js';

/** Options of {@link grpcChannelOptions}. */
export interface GrpcChannelOptionsOptions {
  /**
   * The authority of calls, and with TLS the name that the server's certificate must be for. Default: `localhost` for
   * endpoints on this machine, as in go-plugin; otherwise gRPC's default, the host.
   */
  authority?: string | undefined;
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
 * A target that gRPC resolves itself (`dns:///…`, `xds:///…`, a list) keeps gRPC's proxy, name resolution, back-off
 * and authority.
 *
 * @param endpoint - An endpoint or gRPC target.
 * @throws TransportError `INVALID_ENDPOINT`, `PATH_TOO_LONG`, or `INVALID_ARGUMENT` for an authority that is not a
 *   string.
 */
export function grpcChannelOptions(endpoint: string, options: GrpcChannelOptionsOptions = {}): ChannelOptions {
  return channelOptionsFor(grpcTarget(endpoint), options);
}

/** Like {@link grpcChannelOptions}, for a parsed target. */
export function channelOptionsFor({ address }: GrpcTarget, options: GrpcChannelOptionsOptions): ChannelOptions {
  const given = typeOption('authority', options.authority, 'string');
  const authority = given ?? (address !== undefined && isLocal(address) ? 'localhost' : undefined);
  return {
    'grpc.use_local_subchannel_pool': 1,
    'grpc.max_receive_message_length': -1,
    'grpc-node.flow_control_window': 4 * 1024 * 1024,
    ...(address !== undefined && {
      'grpc.enable_http_proxy': 0,
      'grpc.service_config_disable_resolution': 1,
      'grpc.initial_reconnect_backoff_ms': 10,
      'grpc.max_reconnect_backoff_ms': 50,
      // The longest delay of a Node timer.
      'grpc.client_idle_timeout_ms': 2 ** 31 - 1,
    }),
    ...(authority !== undefined && {
      'grpc.default_authority': authority,
      // grpc-js verifies the name of the target, not the authority.
      'grpc.ssl_target_name_override': authority,
    }),
  };
}
