// A plugin with brokered services on the network given as argument, for go-plugin's hosts (with AutoMTLS if they ask
// for it) and for our own.
import { Server, ServerCredentials, credentials } from '@grpc/grpc-js';
import { toHandshakeAddress } from '@rpcplugin/endpoint-utils';
import { hostCredentials, makeIdentity, pluginCredentials, toHandshakeField } from '@rpcplugin/example-kv/auto-mtls';
import { GRPCController } from '@rpcplugin/example-kv/protos';
import { serveGrpc } from '@rpcplugin/transport-grpc';
import type { GrpcListener } from '@rpcplugin/transport-grpc';
import { HealthImplementation } from 'grpc-health-check';
import { echo, echoHandlers, echoServer } from '../../src/echo.js';
import type { ExchangeHandlers } from '../../src/generated/interop/Exchange.js';
import type { ExchangeMessage, ExchangeMessage__Output } from '../../src/generated/interop/ExchangeMessage.js';
import type { GRPCBrokerHandlers } from '../../src/generated/plugin/GRPCBroker.js';
import { GrpcBroker } from '../../src/grpc-broker.js';
import { Echo, Exchange, GRPCBroker } from '../../src/protos.js';
import { newTransport } from '../../src/new-transport.js';

const network = process.argv[2] ?? 'unix';
const hostCertificate = process.env['PLUGIN_CLIENT_CERT'];
const own = hostCertificate ? await makeIdentity() : undefined;
const security =
  hostCertificate && own
    ? {
        server: pluginCredentials(own, hostCertificate),
        channel: hostCredentials(own, toHandshakeField({ certificate: hostCertificate })),
      }
    : { server: ServerCredentials.createInsecure(), channel: credentials.createInsecure() };

let broker: GrpcBroker | undefined;

const server = new Server();
server.addService(GRPCBroker.service, {
  StartStream: (stream) => {
    broker = new GrpcBroker(stream, { ...security, transport: () => newTransport(network) });
    stream.on('end', () => {
      stream.end();
    });
  },
} satisfies GRPCBrokerHandlers);
server.addService(Echo.service, echoHandlers());
server.addService(Exchange.service, {
  Exchange: ({ request }, callback) => {
    exchange(request).then(
      (answer) => {
        callback(null, answer);
      },
      (error: unknown) => {
        callback(error instanceof Error ? error : new Error(String(error)));
      },
    );
  },
} satisfies ExchangeHandlers);
server.addService(GRPCController.service, {
  Shutdown: (_call: unknown, callback: (error: null, answer: object) => void) => {
    callback(null, {});
    void listener.close();
  },
});
new HealthImplementation({ plugin: 'SERVING' }).addToServer(server);

const listener = await serveGrpc(server, newTransport(network), security.server);
const { address } = toHandshakeAddress(listener.endpoint);
process.stdout.write(`1|1|${network}|${address}|grpc${own ? `|${toHandshakeField(own)}` : ''}\n`);

async function exchange({ service, value }: ExchangeMessage__Output): Promise<ExchangeMessage> {
  if (broker === undefined) throw new Error('the host has not opened its broker stream');
  const theirs = await broker.dial(service);
  const answer = await echo(theirs, value);
  await theirs.close();
  const ours = broker.nextService();
  const brokered: GrpcListener = await broker.serve(
    ours,
    echoServer(() => void brokered.close()),
  );
  return { service: ours, value: answer };
}
