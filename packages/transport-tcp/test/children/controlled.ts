// A child process with a transport, which runs the commands of its parent one at a time.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { answerParent } from '@rpcplugin/test-support/process';
import type { RemoteError } from '@rpcplugin/test-support/process';
import type { ConnectOptions } from '@rpcplugin/transport-core';
import { TCPSocketTransport } from '../../src/index.js';
import type { TCPSocketTransportOptions } from '../../src/index.js';

export type Command =
  | { do: 'listen'; options: TCPSocketTransportOptions }
  /** Listens and connects to the endpoint that this returned. */
  | { do: 'reach'; options: TCPSocketTransportOptions }
  /** `abort` aborts the connect as soon as the silent name server gets a query. */
  | { do: 'connect'; endpoint: string; options?: Omit<ConnectOptions, 'signal'>; abort?: boolean }
  /** Starts a name server that never answers. */
  | { do: 'nameServer'; address: string };

export interface Reply {
  /** The endpoint of the listener, the remote address of the connection, or the address of the name server. */
  result?: string;
  error?: RemoteError;
}

const nameServer = createSocket('udp4');

async function perform(command: Command): Promise<Reply> {
  switch (command.do) {
    case 'listen': {
      await using transport = new TCPSocketTransport(command.options);
      return { result: await transport.listen() };
    }
    case 'reach': {
      await using transport = new TCPSocketTransport(command.options);
      const endpoint = await transport.listen();
      await transport.connect(endpoint);
      return { result: endpoint };
    }
    case 'connect': {
      await using transport = new TCPSocketTransport();
      const aborter = new AbortController();
      if (command.abort === true) {
        nameServer.once('message', () => {
          aborter.abort();
        });
      }
      const socket = await transport.connect(command.endpoint, { ...command.options, signal: aborter.signal });
      return { result: String(socket.remoteAddress) };
    }
    case 'nameServer':
      nameServer.bind(53, command.address);
      await once(nameServer, 'listening');
      return { result: command.address };
  }
}

answerParent(perform);
