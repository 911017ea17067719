export { TCPSocketTransport, tcpTransportFactory } from './tcp-socket-transport.js';
export { tcpOptionsFromEnv } from './options.js';
export type { PortRange, TCPSocketTransportOptions } from './options.js';
