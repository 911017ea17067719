// A plugin with brokered services on the network given as argument, for go-plugin's hosts (with AutoMTLS if they ask
// for it) and for our own.
import { serve } from '@rpcplugin/example-framework/plugin';
import { agreed } from '@rpcplugin/example-kv/agreed';
import type { GrpcBroker, GrpcListener } from '@rpcplugin/transport-grpc';
import { tcpTransportFactory } from '@rpcplugin/transport-tcp';
import { unixTransportFactory } from '@rpcplugin/transport-unix';
import { echo, echoHandlers, echoServer } from '../../src/echo.js';
import type { ExchangeHandlers } from '../../src/generated/interop/Exchange.js';
import type { ExchangeMessage, ExchangeMessage__Output } from '../../src/generated/interop/ExchangeMessage.js';
import { Echo, Exchange } from '../../src/protos.js';

await serve({
  ...agreed,
  transports: [process.argv[2] === 'tcp' ? tcpTransportFactory() : unixTransportFactory()],
  register: (server, _version, broker) => {
    server.addService(Echo.service, echoHandlers());
    server.addService(Exchange.service, {
      Exchange: ({ request }, callback) => {
        exchange(request, broker()).then(
          (answer) => {
            callback(null, answer);
          },
          (error: unknown) => {
            callback(error instanceof Error ? error : new Error(String(error)));
          },
        );
      },
    } satisfies ExchangeHandlers);
  },
});

async function exchange({ service, value }: ExchangeMessage__Output, broker: GrpcBroker): Promise<ExchangeMessage> {
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
