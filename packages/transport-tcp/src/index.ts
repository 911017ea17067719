export { TCPSocketTransport, tcpTransportFactory } from './tcp-socket-transport.js';
export { tcpOptionsFromEnv } from './options.js';
export type { PortRange, TCPSocketTransportOptions } from './options.js';
export { listenFdsFromEnv } from '@rpcplugin/transport-base';
export type { HeldSocket, HoldOptions, ListenFd } from '@rpcplugin/transport-base';
