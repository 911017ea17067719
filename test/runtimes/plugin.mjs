// A plugin that listens on the first network that works here, and echoes. Run by packages.mjs.
import { Server } from '@grpc/grpc-js';
import { formatHandshakeLine } from '@rpcplugin/endpoint-utils';
import { createIdentity, handshakeFromEnv } from '@rpcplugin/handshake';
import { negotiateListener } from '@rpcplugin/transport-core';
import { mutualTls, serveGrpc } from '@rpcplugin/transport-grpc';
import { tcpTransportFactory } from '@rpcplugin/transport-tcp';
import { unixTransportFactory } from '@rpcplugin/transport-unix';
import { echoHandlers, echoService, launch } from './echo.mjs';

const { appVersion, hostCertificate } = handshakeFromEnv(launch);
const own = hostCertificate && (await createIdentity());
const server = new Server();
server.addService(echoService, echoHandlers);
const { network, endpoint } = await negotiateListener(
  ['unix', 'tcp'],
  [unixTransportFactory(), tcpTransportFactory()],
  (transport) => serveGrpc(server, transport, mutualTls(own, hostCertificate).server),
);
console.log(formatHandshakeLine({ network, endpoint, appVersion, protocol: 'grpc', certificate: own?.certificate }));
