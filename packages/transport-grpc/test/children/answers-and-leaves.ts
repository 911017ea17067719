// A plugin that answers the only call of each connection after as many milliseconds as the request says, and leaves.
// It sends its endpoint once it listens. Arguments: the path to listen on, and the directories of its identity and its
// host's.
import type { ServerHttp2Stream } from 'node:http2';
import { Server } from '@grpc/grpc-js';
import type { handleUnaryCall } from '@grpc/grpc-js';
import { UnixSocketTransport } from '@rpcplugin/transport-unix';
import { hookSessions } from '../../src/grpc-js-hooks.js';
import { serveGrpc } from '../../src/index.js';
import { readIdentity, serverTls } from '../certificates.js';
import { probeService } from '../service.js';

const [path, own = '', host = ''] = process.argv.slice(2);
process.on('disconnect', () => process.exit());

const echo: handleUnaryCall<Buffer, Buffer> = ({ request }, done) => {
  setTimeout(done, Number(request), null, request);
};
const server = new Server();
server.addService({ echo: probeService.echo }, { echo });
const credentials = serverTls(await readIdentity(own, 'localhost'), await readIdentity(host, 'localhost'));
const listener = await serveGrpc(server, new UnixSocketTransport({ path }), credentials);
hookSessions(server, (connection, session) => {
  session.once('stream', (stream: ServerHttp2Stream) => {
    stream.once('close', () => {
      connection.end(() => connection.destroy());
    });
  });
});
process.send?.(listener.endpoint);
