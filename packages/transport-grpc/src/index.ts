export { serveGrpc } from './serve-grpc.js';
export type { CloseGrpcOptions, GrpcListener, ServeGrpcOptions } from './serve-grpc.js';
export { connectGrpc } from './connect-grpc.js';
export type { ClientConstructor, ConnectGrpcOptions, GrpcConnection } from './connect-grpc.js';
export { grpcChannelOptions } from './channel-options.js';
export type { GrpcChannelOptionsOptions } from './channel-options.js';
