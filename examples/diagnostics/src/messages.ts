import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type {
  AcceptMessage,
  CloseMessage,
  ConnectMessage,
  DisconnectMessage,
  DropMessage,
  ErrorMessage,
  ListenMessage,
  WarningMessage,
} from '@rpcplugin/transport-core';

/** The messages of the channels `rpcplugin:transport:*`. */
interface Messages {
  listen: ListenMessage;
  connect: ConnectMessage;
  accept: AcceptMessage;
  disconnect: DisconnectMessage;
  drop: DropMessage;
  close: CloseMessage;
  error: ErrorMessage;
  warning: WarningMessage;
}

type Handlers = { readonly [Event in keyof Messages]?: (message: Messages[Event]) => void };

/** Calls the handlers with what every transport of this process publishes, until the returned function is called. */
export function onMessages(handlers: Handlers): () => void {
  const subscriptions = Object.entries(handlers).map(([event, handler]) => {
    const name = `rpcplugin:transport:${event}`;
    const listener = handler as (message: unknown) => void;
    subscribe(name, listener);
    return () => unsubscribe(name, listener);
  });
  return () => {
    for (const end of subscriptions) end();
  };
}
