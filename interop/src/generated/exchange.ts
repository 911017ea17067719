import type * as grpc from '@grpc/grpc-js';
import type { MessageTypeDefinition } from '@grpc/proto-loader';

import type { EchoClient as _interop_EchoClient, EchoDefinition as _interop_EchoDefinition } from './interop/Echo.js';
import type { ExchangeClient as _interop_ExchangeClient, ExchangeDefinition as _interop_ExchangeDefinition } from './interop/Exchange.js';
import type { ExchangeMessage as _interop_ExchangeMessage, ExchangeMessage__Output as _interop_ExchangeMessage__Output } from './interop/ExchangeMessage.js';
import type { Value as _interop_Value, Value__Output as _interop_Value__Output } from './interop/Value.js';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  interop: {
    Echo: SubtypeConstructor<typeof grpc.Client, _interop_EchoClient> & { service: _interop_EchoDefinition }
    Exchange: SubtypeConstructor<typeof grpc.Client, _interop_ExchangeClient> & { service: _interop_ExchangeDefinition }
    ExchangeMessage: MessageTypeDefinition<_interop_ExchangeMessage, _interop_ExchangeMessage__Output>
    Value: MessageTypeDefinition<_interop_Value, _interop_Value__Output>
  }
}

