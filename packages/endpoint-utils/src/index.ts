export {
  formatEndpoint,
  isValidTcpEndpoint,
  isValidUnixEndpoint,
  normalizeEndpoint,
  parseEndpoint,
} from './endpoint.js';
export type { Endpoint } from './endpoint.js';
export { toGrpcTarget } from './grpc-target.js';
export { fromHandshakeAddress, toHandshakeAddress } from './handshake.js';
export type { HandshakeAddress } from './handshake.js';
export { joinHostPort, splitHostPort } from './host-port.js';
export type { HostPort } from './host-port.js';
export type { TcpEndpoint } from './tcp.js';
export { normalizeUnixPath } from './unix-path.js';
export type { UnixEndpoint } from './unix-path.js';
