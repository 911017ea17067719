export { TCPSocketTransport, tcpTransportFactory } from './tcp-socket-transport.js';
export { tcpOptionsFromEnv } from './options.js';
export type { PortRange, TCPSocketTransportOptions } from './options.js';
export type { TCPProxyProtocolOptions } from './trusted-proxies.js';
export { listenFdsFromEnv } from '@rpcplugin/transport-base';
export type { HeldSocket, HoldOptions, ListenFd, ProxyProtocolOptions } from '@rpcplugin/transport-base';
