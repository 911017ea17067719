// Original file: proto/kv.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { Empty as _proto_Empty, Empty__Output as _proto_Empty__Output } from '../proto/Empty.js';
import type { Entry as _proto_Entry, Entry__Output as _proto_Entry__Output } from '../proto/Entry.js';
import type { GetRequest as _proto_GetRequest, GetRequest__Output as _proto_GetRequest__Output } from '../proto/GetRequest.js';
import type { GetResponse as _proto_GetResponse, GetResponse__Output as _proto_GetResponse__Output } from '../proto/GetResponse.js';
import type { PutAllResponse as _proto_PutAllResponse, PutAllResponse__Output as _proto_PutAllResponse__Output } from '../proto/PutAllResponse.js';
import type { PutRequest as _proto_PutRequest, PutRequest__Output as _proto_PutRequest__Output } from '../proto/PutRequest.js';

export interface KVClient extends grpc.Client {
  Get(argument: _proto_GetRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_proto_GetResponse__Output>): grpc.ClientUnaryCall;
  Get(argument: _proto_GetRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_proto_GetResponse__Output>): grpc.ClientUnaryCall;
  Get(argument: _proto_GetRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_proto_GetResponse__Output>): grpc.ClientUnaryCall;
  Get(argument: _proto_GetRequest, callback: grpc.requestCallback<_proto_GetResponse__Output>): grpc.ClientUnaryCall;
  get(argument: _proto_GetRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_proto_GetResponse__Output>): grpc.ClientUnaryCall;
  get(argument: _proto_GetRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_proto_GetResponse__Output>): grpc.ClientUnaryCall;
  get(argument: _proto_GetRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_proto_GetResponse__Output>): grpc.ClientUnaryCall;
  get(argument: _proto_GetRequest, callback: grpc.requestCallback<_proto_GetResponse__Output>): grpc.ClientUnaryCall;
  
  List(argument: _proto_Empty, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_proto_Entry__Output>;
  List(argument: _proto_Empty, options?: grpc.CallOptions): grpc.ClientReadableStream<_proto_Entry__Output>;
  list(argument: _proto_Empty, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_proto_Entry__Output>;
  list(argument: _proto_Empty, options?: grpc.CallOptions): grpc.ClientReadableStream<_proto_Entry__Output>;
  
  Put(argument: _proto_PutRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_proto_Empty__Output>): grpc.ClientUnaryCall;
  Put(argument: _proto_PutRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_proto_Empty__Output>): grpc.ClientUnaryCall;
  Put(argument: _proto_PutRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_proto_Empty__Output>): grpc.ClientUnaryCall;
  Put(argument: _proto_PutRequest, callback: grpc.requestCallback<_proto_Empty__Output>): grpc.ClientUnaryCall;
  put(argument: _proto_PutRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_proto_Empty__Output>): grpc.ClientUnaryCall;
  put(argument: _proto_PutRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_proto_Empty__Output>): grpc.ClientUnaryCall;
  put(argument: _proto_PutRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_proto_Empty__Output>): grpc.ClientUnaryCall;
  put(argument: _proto_PutRequest, callback: grpc.requestCallback<_proto_Empty__Output>): grpc.ClientUnaryCall;
  
  PutAll(metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_proto_PutAllResponse__Output>): grpc.ClientWritableStream<_proto_PutRequest>;
  PutAll(metadata: grpc.Metadata, callback: grpc.requestCallback<_proto_PutAllResponse__Output>): grpc.ClientWritableStream<_proto_PutRequest>;
  PutAll(options: grpc.CallOptions, callback: grpc.requestCallback<_proto_PutAllResponse__Output>): grpc.ClientWritableStream<_proto_PutRequest>;
  PutAll(callback: grpc.requestCallback<_proto_PutAllResponse__Output>): grpc.ClientWritableStream<_proto_PutRequest>;
  putAll(metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_proto_PutAllResponse__Output>): grpc.ClientWritableStream<_proto_PutRequest>;
  putAll(metadata: grpc.Metadata, callback: grpc.requestCallback<_proto_PutAllResponse__Output>): grpc.ClientWritableStream<_proto_PutRequest>;
  putAll(options: grpc.CallOptions, callback: grpc.requestCallback<_proto_PutAllResponse__Output>): grpc.ClientWritableStream<_proto_PutRequest>;
  putAll(callback: grpc.requestCallback<_proto_PutAllResponse__Output>): grpc.ClientWritableStream<_proto_PutRequest>;
  
}

export interface KVHandlers extends grpc.UntypedServiceImplementation {
  Get: grpc.handleUnaryCall<_proto_GetRequest__Output, _proto_GetResponse>;
  
  List: grpc.handleServerStreamingCall<_proto_Empty__Output, _proto_Entry>;
  
  Put: grpc.handleUnaryCall<_proto_PutRequest__Output, _proto_Empty>;
  
  PutAll: grpc.handleClientStreamingCall<_proto_PutRequest__Output, _proto_PutAllResponse>;
  
}

export interface KVDefinition extends grpc.ServiceDefinition {
  Get: MethodDefinition<_proto_GetRequest, _proto_GetResponse, _proto_GetRequest__Output, _proto_GetResponse__Output>
  List: MethodDefinition<_proto_Empty, _proto_Entry, _proto_Empty__Output, _proto_Entry__Output>
  Put: MethodDefinition<_proto_PutRequest, _proto_Empty, _proto_PutRequest__Output, _proto_Empty__Output>
  PutAll: MethodDefinition<_proto_PutRequest, _proto_PutAllResponse, _proto_PutRequest__Output, _proto_PutAllResponse__Output>
}
