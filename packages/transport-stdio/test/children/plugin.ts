// A gRPC plugin: `plugin.js`, with its connection at descriptor 3, or `plugin.js INPUT OUTPUT`. With PLUGIN_CLIENT_CERT,
// it secures the connection as go-plugin's AutoMTLS does. It ends when its host has left.
import { X509Certificate } from 'node:crypto';
import { writeSync } from 'node:fs';
import { ServerCredentials } from '@grpc/grpc-js';
import { makeDirectory, makeIdentity, removeDirectory } from '@rpcplugin/test-support/process';
import { serveGrpc } from '@rpcplugin/transport-grpc';
import { StdioTransport } from '../../src/index.js';
import { probeServer } from '../service.js';

const [input, output] = process.argv.slice(2).map(Number);
const clientCertificate = process.env['PLUGIN_CLIENT_CERT'];

let credentials = ServerCredentials.createInsecure();
let certificate = '';
if (clientCertificate !== undefined) {
  const directory = await makeDirectory();
  const own = await makeIdentity(directory, 'localhost');
  await removeDirectory(directory);
  const pair = { private_key: own.key, cert_chain: own.certificate };
  credentials = ServerCredentials.createSsl(Buffer.from(clientCertificate), [pair], true);
  certificate = `|${new X509Certificate(own.certificate).raw.toString('base64').replaceAll('=', '')}`;
}

// Before the connection begins: over two pipes, the line is the first that the host reads.
writeSync(output ?? 1, `1|1|stdio||grpc${certificate}\n`);

const transport = new StdioTransport(input === undefined ? {} : { input, output });
const listener = await serveGrpc(
  probeServer(() => void listener.close()),
  transport,
  credentials,
);
listener.onDisconnect((connections) => {
  if (connections === 0) void listener.close();
});
