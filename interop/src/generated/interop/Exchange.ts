// Original file: proto/exchange.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { ExchangeMessage as _interop_ExchangeMessage, ExchangeMessage__Output as _interop_ExchangeMessage__Output } from '../interop/ExchangeMessage.js';

export interface ExchangeClient extends grpc.Client {
  Exchange(argument: _interop_ExchangeMessage, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_interop_ExchangeMessage__Output>): grpc.ClientUnaryCall;
  Exchange(argument: _interop_ExchangeMessage, metadata: grpc.Metadata, callback: grpc.requestCallback<_interop_ExchangeMessage__Output>): grpc.ClientUnaryCall;
  Exchange(argument: _interop_ExchangeMessage, options: grpc.CallOptions, callback: grpc.requestCallback<_interop_ExchangeMessage__Output>): grpc.ClientUnaryCall;
  Exchange(argument: _interop_ExchangeMessage, callback: grpc.requestCallback<_interop_ExchangeMessage__Output>): grpc.ClientUnaryCall;
  exchange(argument: _interop_ExchangeMessage, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_interop_ExchangeMessage__Output>): grpc.ClientUnaryCall;
  exchange(argument: _interop_ExchangeMessage, metadata: grpc.Metadata, callback: grpc.requestCallback<_interop_ExchangeMessage__Output>): grpc.ClientUnaryCall;
  exchange(argument: _interop_ExchangeMessage, options: grpc.CallOptions, callback: grpc.requestCallback<_interop_ExchangeMessage__Output>): grpc.ClientUnaryCall;
  exchange(argument: _interop_ExchangeMessage, callback: grpc.requestCallback<_interop_ExchangeMessage__Output>): grpc.ClientUnaryCall;
  
}

export interface ExchangeHandlers extends grpc.UntypedServiceImplementation {
  Exchange: grpc.handleUnaryCall<_interop_ExchangeMessage__Output, _interop_ExchangeMessage>;
  
}

export interface ExchangeDefinition extends grpc.ServiceDefinition {
  Exchange: MethodDefinition<_interop_ExchangeMessage, _interop_ExchangeMessage, _interop_ExchangeMessage__Output, _interop_ExchangeMessage__Output>
}
