import { fileURLToPath } from 'node:url';
import { loadPackageDefinition } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import type { ProtoGrpcType as BrokerProto } from './generated/grpc_broker.js';
import type { ProtoGrpcType as ControllerProto } from './generated/grpc_controller.js';
import type { ProtoGrpcType as StdioProto } from './generated/grpc_stdio.js';
import type { ProtoGrpcType as HealthProto } from './generated/health.js';

const files = ['grpc_controller.proto', 'grpc_broker.proto', 'grpc_stdio.proto', 'health.proto'];
const directory = fileURLToPath(new URL('../proto/', import.meta.url));
const packages = loadPackageDefinition(loadSync(files, { includeDirs: [directory], defaults: true, enums: String }));
const protos = packages as unknown as BrokerProto & ControllerProto & StdioProto & HealthProto;

export const { GRPCBroker, GRPCController, GRPCStdio } = protos.plugin;
export const { Health } = protos.grpc.health.v1;
