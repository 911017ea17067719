import { fileURLToPath } from 'node:url';
import { loadPackageDefinition } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import type { ProtoGrpcType } from './generated/kv.js';

const file = fileURLToPath(new URL('../proto/kv.proto', import.meta.url));

export const { KV } = (loadPackageDefinition(loadSync(file, { defaults: true })) as unknown as ProtoGrpcType).proto;
export type { KVClient } from './generated/proto/KV.js';
