// A child process with a transport, which runs the commands of its parent one at a time.
import { answerParent } from '@rpcplugin/test-support/process';
import type { RemoteError } from '@rpcplugin/test-support/process';
import type { ConnectOptions } from '@rpcplugin/transport-core';
import { UnixSocketTransport } from '../../src/index.js';
import type { UnixSocketTransportOptions } from '../../src/index.js';

export type Command =
  | { do: 'listen'; options?: UnixSocketTransportOptions; umask?: number }
  | { do: 'connect'; endpoint: string; options?: Omit<ConnectOptions, 'signal'> }
  | { do: 'close' }
  /** Changes `process.platform` until the process ends. */
  | { do: 'pretend'; platform: string }
  | { do: 'exit'; code: number }
  | { do: 'throw'; message: string };

export interface Reply {
  endpoint?: string;
  error?: RemoteError;
}

let listener: UnixSocketTransport | undefined;

async function perform(command: Command): Promise<Reply> {
  switch (command.do) {
    case 'listen': {
      if (command.umask !== undefined) process.umask(command.umask);
      const created = new UnixSocketTransport(command.options);
      const endpoint = await created.listen();
      listener = created;
      return { endpoint };
    }
    case 'connect': {
      await using client = new UnixSocketTransport();
      await client.connect(command.endpoint, command.options);
      return { endpoint: String(client.endpoint) };
    }
    case 'close':
      await listener?.close();
      return {};
    case 'pretend':
      Object.defineProperty(process, 'platform', { value: command.platform });
      return {};
    case 'exit':
      return process.exit(command.code);
    case 'throw':
      setImmediate(() => {
        throw new Error(command.message);
      });
      return {};
  }
}

answerParent(perform);
