import { fileURLToPath } from 'node:url';
import { loadPackageDefinition } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import type { ProtoGrpcType } from './generated/exchange.js';

const file = fileURLToPath(new URL('../proto/exchange.proto', import.meta.url));
const definition = loadSync(file, { defaults: true });

export const { Echo, Exchange } = (loadPackageDefinition(definition) as unknown as ProtoGrpcType).interop;
