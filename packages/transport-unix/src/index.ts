export { UnixSocketTransport, unixTransportFactory } from './unix-socket-transport.js';
export { unixOptionsFromEnv } from './options.js';
export type { UnixSocketTransportOptions } from './options.js';
export { createSocketDirectory } from './socket-directory.js';
export type { SocketDirectory, SocketDirectoryOptions } from './socket-directory.js';
export { listenFdsFromEnv } from '@rpcplugin/transport-base';
export type { HeldSocket, HoldOptions, ListenFd, ProxyProtocolOptions } from '@rpcplugin/transport-base';
