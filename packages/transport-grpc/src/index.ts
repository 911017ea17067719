export { serveGrpc } from './serve-grpc.js';
export type { GrpcListener, ServeGrpcOptions } from './serve-grpc.js';
export { connectGrpc } from './connect-grpc.js';
export type { ConnectGrpcOptions } from './connect-grpc.js';
export { connectGrpcTarget } from './connect-grpc-target.js';
export type { ConnectGrpcTargetOptions } from './connect-grpc-target.js';
export type { ClientConstructor, CloseGrpcOptions, GrpcConnection } from './grpc-connection.js';
export { grpcChannelOptions } from './channel-options.js';
export type { GrpcChannelOptionsOptions } from './channel-options.js';
