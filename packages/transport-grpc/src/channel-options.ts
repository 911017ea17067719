import type { ChannelOptions } from '@grpc/grpc-js';
import { typeOption } from '@rpcplugin/transport-core';
import { grpcTarget, isLocal } from './target.js';
import type { GrpcTarget } from './target.js';

export interface GrpcChannelOptionsOptions {
  /**
   * The authority of calls, and under TLS the name that the server's certificate must be for. Default: `localhost` for
   * endpoints on this machine, as go-plugin has it; else gRPC's, the host.
   */
  authority?: string | undefined;
}

/**
 * Channel options that suit a plugin next door, for those who make their own channels or clients:
 *
 * - no HTTP proxy from the environment, and no service configuration from DNS;
 * - a subchannel pool of its own, so that channels do not share connections and back-off;
 * - no limit on received messages, as in go-plugin;
 * - a flow-control window of 4 MiB in place of 64 KiB, so that large messages do not wait for window updates;
 * - quick reconnects (first after 10 ms, then at least every 50 ms), and no disconnect of an idle channel;
 * - the authority `localhost` for endpoints on this machine.
 *
 * A target that is gRPC's own business (`dns:///…`, `xds:///…`, a list) keeps gRPC's proxy, name resolution, back-off
 * and authority.
 *
 * @param endpoint - An endpoint or gRPC target.
 * @throws TransportError `INVALID_ENDPOINT`, `PATH_TOO_LONG`, or `INVALID_ARGUMENT` for an authority that is not a string.
 */
export function grpcChannelOptions(endpoint: string, options: GrpcChannelOptionsOptions = {}): ChannelOptions {
  return channelOptionsFor(grpcTarget(endpoint), options);
}

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
      // grpc-js takes the name to verify from the target, not from the authority.
      'grpc.ssl_target_name_override': authority,
    }),
  };
}
