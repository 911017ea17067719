// Another process with a transport: does what its parent asks, one thing at a time.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { TransportError } from '@rpcplugin/transport-core';
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
  error?: Pick<TransportError, 'code' | 'message' | 'hint' | 'endpoint'>;
}

const nameServer = createSocket('udp4');

async function perform(command: Command): Promise<string> {
  switch (command.do) {
    case 'listen': {
      await using transport = new TCPSocketTransport(command.options);
      return await transport.listen();
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
      return String(socket.remoteAddress);
    }
    case 'nameServer':
      nameServer.bind(53, command.address);
      await once(nameServer, 'listening');
      return command.address;
  }
}

process.on('message', (command: Command) => {
  void perform(command).then(
    (result) => process.send?.({ result } satisfies Reply),
    (error: unknown) => {
      if (!TransportError.isInstance(error)) throw error;
      const { code, message, hint, endpoint } = error;
      process.send?.({
        error: { code, message, ...(hint !== undefined && { hint }), ...(endpoint !== undefined && { endpoint }) },
      } satisfies Reply);
    },
  );
});
process.on('disconnect', () => process.exit());
process.send?.('ready');
