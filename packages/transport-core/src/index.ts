export { TransportError } from './errors.js';
export type { TransportErrorCode, TransportErrorOptions } from './errors.js';
export type { CloseOptions, ConnectOptions, ListenOptions, Transport } from './transport.js';
export { negotiateTransport } from './negotiate.js';
export type { TransportFactory } from './negotiate.js';
export { SocketTransport } from './socket-transport.js';
export type { SocketTransportOptions } from './socket-transport.js';
export { StreamTransport } from './stream-transport.js';
export type { BindOptions, DialDefaults, Dialer } from './stream-transport.js';
export { errnoOf, errorCodeOf, messageOf, toTransportError } from './errno.js';
export { connectHints, hostHints, listenHints } from './hints.js';
export type { Hints } from './hints.js';
export { lookupFailure } from './lookup-failure.js';
export { quote, show } from './quote.js';
export { Operation } from './operation.js';
export type { OperationOptions } from './operation.js';
export { connectSocket, dial, pause } from './dial.js';
export type { DialOptions } from './dial.js';
export { ConnectionSet } from './connection-set.js';
export { assertSocketPathFits, socketPathLimitBytes } from './socket-path.js';
export { assertOptions, durationOption, integerOption, invalidOption, startTimer, typeOption } from './options.js';
export { TransportDiagnostics } from './diagnostics.js';
export type {
  AcceptMessage,
  CloseMessage,
  ConnectMessage,
  DropMessage,
  ErrorMessage,
  ListenMessage,
  TransportMessage,
} from './diagnostics.js';
