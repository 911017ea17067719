// Another process with a transport: does what its parent asks, one thing at a time.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { answerParent } from '@rpcplugin/test-support/process';
import type { RemoteError } from '@rpcplugin/test-support/process';
import type { ConnectOptions } from '@rpcplugin/transport-core';
import { TCPSocketTransport } from '../../src/index.js';
import type { TCPSocketTransportOptions } from '../../src/index.js';

export type Command =
  | { do: 'listen'; options: TCPSocketTransportOptions }
  /** With `abort`, the connect is aborted as soon as the silent name server was asked. */
  | { do: 'connect'; endpoint: string; options?: Omit<ConnectOptions, 'signal'>; abort?: boolean }
  /** Takes the questions that the resolver asks, and never answers. */
  | { do: 'nameServer'; address: string };

export interface Reply {
  /** The endpoint that was listened on, or the remote address that was connected to. */
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
