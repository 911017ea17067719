import { fileURLToPath } from 'node:url';
import { loadPackageDefinition } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import type { ProtoGrpcType as ExchangeProto } from './generated/exchange.js';
import type { ProtoGrpcType as BrokerProto } from './generated/grpc_broker.js';

const directory = fileURLToPath(new URL('../proto/', import.meta.url));
const definition = loadSync(['grpc_broker.proto', 'exchange.proto'], { includeDirs: [directory], defaults: true });
const packages = loadPackageDefinition(definition) as unknown as BrokerProto & ExchangeProto;

export const { GRPCBroker } = packages.plugin;
export const { Echo, Exchange } = packages.interop;
