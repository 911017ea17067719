// Original file: proto/exchange.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { Value as _interop_Value, Value__Output as _interop_Value__Output } from '../interop/Value.js';

export interface EchoClient extends grpc.Client {
  Echo(argument: _interop_Value, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_interop_Value__Output>): grpc.ClientUnaryCall;
  Echo(argument: _interop_Value, metadata: grpc.Metadata, callback: grpc.requestCallback<_interop_Value__Output>): grpc.ClientUnaryCall;
  Echo(argument: _interop_Value, options: grpc.CallOptions, callback: grpc.requestCallback<_interop_Value__Output>): grpc.ClientUnaryCall;
  Echo(argument: _interop_Value, callback: grpc.requestCallback<_interop_Value__Output>): grpc.ClientUnaryCall;
  echo(argument: _interop_Value, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_interop_Value__Output>): grpc.ClientUnaryCall;
  echo(argument: _interop_Value, metadata: grpc.Metadata, callback: grpc.requestCallback<_interop_Value__Output>): grpc.ClientUnaryCall;
  echo(argument: _interop_Value, options: grpc.CallOptions, callback: grpc.requestCallback<_interop_Value__Output>): grpc.ClientUnaryCall;
  echo(argument: _interop_Value, callback: grpc.requestCallback<_interop_Value__Output>): grpc.ClientUnaryCall;
  
}

export interface EchoHandlers extends grpc.UntypedServiceImplementation {
  Echo: grpc.handleUnaryCall<_interop_Value__Output, _interop_Value>;
  
}

export interface EchoDefinition extends grpc.ServiceDefinition {
  Echo: MethodDefinition<_interop_Value, _interop_Value, _interop_Value__Output, _interop_Value__Output>
}
