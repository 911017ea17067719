// The plugin's side: what a go-plugin host expects of every plugin, around the services of an application.
import { Server, status } from '@grpc/grpc-js';
import { formatHandshakeLine } from '@rpcplugin/endpoint-utils';
import { createIdentity, handshakeFromEnv } from '@rpcplugin/handshake';
import type { HandshakeOptions } from '@rpcplugin/handshake';
import { negotiateListener, TransportError } from '@rpcplugin/transport-core';
import type { TransportFactory } from '@rpcplugin/transport-core';
import { GrpcBroker, mutualTls, sendOutput, serveGrpc } from '@rpcplugin/transport-grpc';
import type { HealthHandlers } from './generated/grpc/health/v1/Health.js';
import type { GRPCBrokerHandlers } from './generated/plugin/GRPCBroker.js';
import type { GRPCControllerHandlers } from './generated/plugin/GRPCController.js';
import type { GRPCStdioHandlers } from './generated/plugin/GRPCStdio.js';
import { addressed, brokerNetwork, networks } from './networks.js';
import { GRPCBroker, GRPCController, GRPCStdio, Health } from './protos.js';

export interface ServeOptions extends HandshakeOptions {
  /**
   * Adds the application's services to the server, for the version that the host speaks too. Their handlers may use the
   * broker: that of the latest host, which opens one before all calls.
   */
  readonly register: (server: Server, appVersion: number, broker: () => GrpcBroker) => void;
  /** What to listen on: the first that works. Default: a unix socket, else TCP, else descriptor 3. */
  readonly transports?: readonly TransportFactory[];
}

/** Serves until the host asks the plugin to stop, or SIGTERM does. The process then ends by itself. */
export async function serve({ register, transports = networks, ...agreed }: ServeOptions): Promise<void> {
  const { appVersion, hostCertificate, multiplexing } = handshakeFromEnv(agreed);
  const stopping = new AbortController();
  process.once('SIGTERM', stopping.abort.bind(stopping));
  // Ctrl-C reaches the host as well, which decides. A host that has gone no longer reads what the plugin prints.
  process.on('SIGINT', () => undefined);
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

  const own = hostCertificate === undefined ? undefined : await createIdentity();
  const credentials = mutualTls(own, hostCertificate);
  const brokers = new Set<GrpcBroker>();
  const server = new Server({ 'grpc.max_receive_message_length': -1 });
  register(server, appVersion, () => {
    const broker = [...brokers].at(-1);
    if (broker === undefined) throw new TransportError('CLOSED', 'the host has no broker');
    return broker;
  });
  server.addService(GRPCBroker.service, {
    StartStream: (stream) => {
      const broker = new GrpcBroker(stream, {
        network: brokerNetwork(network),
        transports: [...transports, ...addressed],
        credentials,
      });
      brokers.add(broker);
      stream.once('close', () => brokers.delete(broker));
    },
  } satisfies GRPCBrokerHandlers);
  server.addService(GRPCController.service, {
    Shutdown: (_, done) => {
      done(null, {});
      stopping.abort();
    },
  } satisfies GRPCControllerHandlers);
  server.addService(GRPCStdio.service, {
    StreamStdio: (call) => {
      sendOutput(call, stopping.signal);
    },
  } satisfies GRPCStdioHandlers);
  server.addService(Health.service, {
    Check: ({ request: { service } }, done) => {
      if (service === 'plugin') done(null, { status: 'SERVING' });
      else done({ code: status.NOT_FOUND, details: 'unknown service' });
    },
  } satisfies HealthHandlers);

  const offered = transports.map(({ network }) => network);
  const listener = await negotiateListener(offered, transports, (transport) =>
    serveGrpc(server, transport, credentials.server),
  );
  const { network, endpoint } = listener;
  if (stopping.signal.aborted) return listener.close();
  stopping.signal.addEventListener('abort', () => {
    // A host that stays would keep its stream, and with that the plugin.
    for (const each of [...brokers, listener]) void each.close();
  });
  const answer = { appVersion, network, endpoint, protocol: 'grpc', certificate: own?.certificate } as const;
  // The broker listens once for each service.
  const line = formatHandshakeLine({ ...answer, multiplexing: multiplexing ? false : undefined });
  process.stdout.write(`${line}\n`);
}
