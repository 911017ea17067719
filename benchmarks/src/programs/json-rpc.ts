// Either end of a vscode-jsonrpc connection over a pipe, which is a unix socket.
import { join } from 'node:path';
import { createClientPipeTransport, createMessageConnection, createServerPipeTransport } from 'vscode-jsonrpc/node';
import type { MessageConnection } from 'vscode-jsonrpc/node';
import { serveCommands } from './commands.js';

let connection: MessageConnection | undefined;

serveCommands({
  listen: async (directory: string) => {
    const path = join(directory, `json-rpc-${process.pid}.sock`);
    // vscode-jsonrpc calls the listening end the client.
    const listener = await createClientPipeTransport(path);
    void listener.onConnected().then((streams) => {
      const server = createMessageConnection(...streams);
      server.onRequest('echo', (text: string) => text);
      server.listen();
    });
    return path;
  },

  roundTrip: async (path: string, count: number, bytes: number) => {
    connection ??= dial(path);
    const message = 'x'.repeat(bytes);
    const started = performance.now();
    for (let i = 0; i < count; i++) await connection.sendRequest('echo', message);
    return ((performance.now() - started) * 1000) / count;
  },
});

function dial(path: string): MessageConnection {
  const dialled = createMessageConnection(...createServerPipeTransport(path));
  dialled.listen();
  return dialled;
}
