export { StreamTransport } from './stream-transport.js';
export { SocketTransport } from './socket-transport.js';
export type { HeldSocket, HoldOptions } from './socket-transport.js';
export type { DialContext, Dialer, ListenAddress, ListenContext, Listener, Preparation } from './addresses.js';
export { connectSocket, explainLookup, KEEP_ALIVE_MS, listenSocket, socketOptions } from './sockets.js';
export { absoluteSocketPath, assertSocketPathFits, socketPathLimitBytes } from './socket-path.js';
export type { AcceptOptions, SocketTransportOptions } from './sockets.js';
export { proxyProtocolOption } from './proxied-connections.js';
export type { ProxyProtocol, ProxyProtocolOptions } from './proxied-connections.js';
export { claimDescriptor } from './descriptors.js';
export { inheritedSocket, kernelEntry, listenInherited } from './inherited-socket.js';
export type { AddressFamily, InheritedSocket, KernelEntry } from './inherited-socket.js';
export { listenFdsFromEnv } from './listen-fds.js';
export type { ListenFd } from './listen-fds.js';
export { dial } from './dial.js';
export { Operation } from './operation.js';
export type { OperationOptions } from './operation.js';
export { Cleanup } from './cleanup.js';
export { ConnectionSet } from './connections.js';
export { reportDrop } from './diagnostics.js';
export {
  connectHints,
  errnoOf,
  errorCodeOf,
  hostHints,
  listenHints,
  messageOf,
  toTransportError,
} from './system-errors.js';
export type { Hints } from './system-errors.js';
export {
  assertAlone,
  assertOptions,
  CONNECT_TIMEOUT_MS,
  durationOption,
  integerOption,
  invalidOption,
  typeOption,
} from './options.js';
export { realTime } from './real-time.js';
export { startTimer } from './timer.js';
export type { Timer } from './timer.js';
