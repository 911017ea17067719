import { once } from 'node:events';
import type { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import {
  CancellationTokenSource,
  createMessageConnection,
  SocketMessageReader,
  SocketMessageWriter,
} from 'vscode-jsonrpc/node';
import type { CancellationToken, MessageConnection } from 'vscode-jsonrpc/node';
import { describeInterop } from '../src/describe-interop.js';
import { peers } from '../src/peers.js';
import { bothEnds, networks } from './networks.js';

/** Speaks JSON-RPC on one end of a connection, and answers `echo` requests. */
function speak(socket: Socket): MessageConnection {
  const connection = createMessageConnection(new SocketMessageReader(socket), new SocketMessageWriter(socket));
  connection.onRequest('echo', (value: unknown) => value);
  connection.listen();
  return connection;
}

describe.each(networks)('over $over', (network) => {
  describeInterop({ peer: peers.jsonRpc, role: 'both ends of a connection', over: network.over }, () => {
    it.runIf(network.available)('answers hundreds of requests in both directions at once', async () => {
      const { accepted, connected } = await bothEnds(network);
      const ends = [speak(accepted), speak(connected)];
      const questions = Array.from({ length: 500 }, (_, id) => ({ id, text: 'größe'.repeat(id) }));
      for (const end of ends) {
        const answers = Promise.all(questions.map((question) => end.sendRequest('echo', question)));
        expect(await answers).toEqual(questions);
      }
    });

    it.runIf(network.available)('carries messages of 16 MB', async () => {
      const { accepted, connected } = await bothEnds(network);
      const [server, client] = [speak(accepted), speak(connected)];
      const large = 'json-rpc'.repeat(2 ** 21);
      expect((await client.sendRequest('echo', large)) === large).toBe(true);
      expect((await server.sendRequest('echo', large)) === large).toBe(true);
    });

    it.runIf(network.available)('cancels a request', async () => {
      const { accepted, connected } = await bothEnds(network);
      const [server, client] = [speak(accepted), speak(connected)];
      const source = new CancellationTokenSource();
      server.onRequest('wait', async (token: CancellationToken) => {
        source.cancel();
        await new Promise((resolve) => token.onCancellationRequested(resolve));
        throw new Error('cancelled');
      });
      await expect(client.sendRequest('wait', source.token)).rejects.toThrow('cancelled');
    });

    it.runIf(network.available)('closes when the other end disconnects', async () => {
      const { accepted, connected } = await bothEnds(network);
      const [server, client] = [speak(accepted), speak(connected)];
      const closed = new Promise<void>((resolve) => server.onClose(resolve));
      const socketClosed = once(accepted, 'close');
      client.end();
      await closed;
      await socketClosed;
    });
  });
});
