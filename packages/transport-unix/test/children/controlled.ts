// A child process with a transport, which runs the commands of its parent one at a time.
import { subscribe } from 'node:diagnostics_channel';
import { rmdirSync } from 'node:fs';
import { answerParent, descriptorTargets } from '@rpcplugin/test-support/process';
import type { RemoteError } from '@rpcplugin/test-support/process';
import type { ConnectOptions, WarningMessage } from '@rpcplugin/transport-core';
import { UnixSocketTransport } from '../../src/index.js';
import type { UnixSocketTransportOptions } from '../../src/index.js';

export type Command =
  | { do: 'listen'; options?: UnixSocketTransportOptions; umask?: number }
  | { do: 'connect'; endpoint: string; options?: Omit<ConnectOptions, 'signal'> }
  /** Closes all listeners. Replies with the first error. */
  | { do: 'close' }
  /** Changes the working directory, and removes it afterwards if asked to. */
  | { do: 'enter'; directory: string; andRemove?: boolean }
  /** Becomes another user. */
  | { do: 'become'; uid: number; gid: number }
  /** Replies with the targets of the file descriptors. */
  | { do: 'list descriptors' }
  /** Changes `process.platform` until the process ends. */
  | { do: 'pretend'; platform: string }
  | { do: 'exit'; code: number }
  | { do: 'throw'; message: string };

export interface Reply {
  endpoint?: string;
  error?: RemoteError;
  /** The warnings that a listen published. */
  warnings?: string[];
  descriptors?: string[];
}

const listeners = new Set<UnixSocketTransport>();
const warnings: string[] = [];
subscribe('rpcplugin:transport:warning', (message) => warnings.push((message as WarningMessage).what));

async function perform(command: Command): Promise<Reply> {
  switch (command.do) {
    case 'listen': {
      if (command.umask !== undefined) process.umask(command.umask);
      const created = new UnixSocketTransport(command.options);
      warnings.length = 0;
      const endpoint = await created.listen();
      listeners.add(created);
      return { endpoint, warnings: [...warnings] };
    }
    case 'connect': {
      await using client = new UnixSocketTransport();
      await client.connect(command.endpoint, command.options);
      return { endpoint: String(client.endpoint) };
    }
    case 'close':
      await closeAll();
      return {};
    case 'enter':
      process.chdir(command.directory);
      if (command.andRemove === true) rmdirSync(command.directory);
      return {};
    case 'become':
      process.setgroups?.([]);
      process.setgid?.(command.gid);
      process.setuid?.(command.uid);
      return {};
    case 'list descriptors':
      return { descriptors: descriptorTargets() };
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

async function closeAll(): Promise<void> {
  const closing = [...listeners].map((listener) => listener.close());
  listeners.clear();
  await Promise.allSettled(closing);
  await Promise.all(closing);
}

answerParent(perform);
