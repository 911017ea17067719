import { fileURLToPath } from 'node:url';
import { loadPackageDefinition } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import type { ProtoGrpcType as ControllerProto } from './generated/grpc_controller.js';
import type { ProtoGrpcType as KvProto } from './generated/kv.js';

const directory = fileURLToPath(new URL('../proto/', import.meta.url));
const definition = loadSync(['kv.proto', 'grpc_controller.proto'], { includeDirs: [directory], defaults: true });
const packages = loadPackageDefinition(definition) as unknown as ControllerProto & KvProto;

export const { KV } = packages.proto;
export const { GRPCController } = packages.plugin;
export type { KVClient } from './generated/proto/KV.js';
