// A process with few file descriptors, which it uses up on command. Argument: the network that it serves on.
import { credentials, ServerCredentials } from '@grpc/grpc-js';
import { answerParent, exhaustDescriptors, recoverDescriptors, usage } from '@rpcplugin/test-support/process';
import type { RemoteError, Usage } from '@rpcplugin/test-support/process';
import { TCPSocketTransport } from '@rpcplugin/transport-tcp';
import { UnixSocketTransport } from '@rpcplugin/transport-unix';
import { connectGrpc, serveGrpc } from '../../src/index.js';
import type { ConnectGrpcOptions } from '../../src/index.js';
import { ask, Probe, ProbeServer } from '../service.js';

export type Command =
  /** Uses up all descriptors. */
  | { do: 'exhaust' }
  /** Frees them again. */
  | { do: 'recover' }
  | { do: 'serve' }
  /** Connects, makes a call, and closes the connection. */
  | { do: 'connect'; target: string; options?: ConnectGrpcOptions }
  | { do: 'usage' }
  | { do: 'close' };

export interface Reply {
  endpoint?: string;
  answer?: string;
  error?: RemoteError;
  usage?: Usage;
}

const transport = process.argv[2] === 'unix' ? new UnixSocketTransport() : new TCPSocketTransport();

async function perform(command: Command): Promise<Reply> {
  switch (command.do) {
    case 'exhaust':
      exhaustDescriptors();
      return {};
    case 'recover':
      recoverDescriptors();
      return {};
    case 'serve': {
      const { server } = new ProbeServer('child');
      return { endpoint: (await serveGrpc(server, transport, ServerCredentials.createInsecure())).endpoint };
    }
    case 'connect': {
      await using connection = await connectGrpc(
        transport,
        command.target,
        credentials.createInsecure(),
        command.options,
      );
      return { answer: await ask(connection.client(Probe), 'echo', 'hello') };
    }
    case 'usage':
      return { usage: usage() };
    case 'close':
      await transport.close();
      return {};
  }
}

answerParent(perform);
