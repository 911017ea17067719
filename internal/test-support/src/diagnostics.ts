import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type {
  AcceptMessage,
  CloseMessage,
  ConnectMessage,
  DisconnectMessage,
  DropMessage,
  ErrorMessage,
  ListenMessage,
  Transport,
  TransportMessage,
  WarningMessage,
} from '@rpcplugin/transport-core';
import { onTestFinished } from 'vitest';

interface Messages {
  accept: AcceptMessage;
  close: CloseMessage;
  connect: ConnectMessage;
  disconnect: DisconnectMessage;
  drop: DropMessage;
  error: ErrorMessage;
  listen: ListenMessage;
  warning: WarningMessage;
}

/** Calls `onMessage` with each message about a transport on `rpcplugin:transport:<kind>`, until the end of the test. */
export function onDiagnostic<Kind extends keyof Messages>(
  kind: Kind,
  transport: Transport | undefined,
  onMessage: (message: Messages[Kind]) => unknown,
): void {
  const channel = `rpcplugin:transport:${kind}`;
  const filtered = (message: unknown): void => {
    if ((message as TransportMessage).transport === transport) onMessage(message as Messages[Kind]);
  };
  subscribe(channel, filtered);
  onTestFinished(() => void unsubscribe(channel, filtered));
}
