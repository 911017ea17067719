export { TransportError } from './errors.js';
export type { TransportErrorCode, TransportErrorOptions } from './errors.js';
export type { CloseOptions, ConnectionInfo, ConnectOptions, ListenOptions, Transport } from './transport.js';
export { negotiateListener, negotiateTransport } from './negotiate.js';
export type { TransportFactory } from './negotiate.js';
export type {
  AcceptMessage,
  CloseMessage,
  ConnectMessage,
  DisconnectMessage,
  DropMessage,
  ErrorMessage,
  ListenMessage,
  TransportMessage,
  WarningMessage,
} from './diagnostics.js';
