// gRPC's health service without protobuf: messages are plain bytes.
import type { ServiceDefinition } from '@grpc/grpc-js';

const bytes = (value: Buffer): Buffer => value;

export const healthService = {
  Check: {
    path: '/grpc.health.v1.Health/Check',
    requestStream: false,
    responseStream: false,
    requestSerialize: bytes,
    requestDeserialize: bytes,
    responseSerialize: bytes,
    responseDeserialize: bytes,
  },
} satisfies ServiceDefinition;

/** `grpc.health.v1.HealthCheckResponse.ServingStatus`. */
export const [UNKNOWN, SERVING, NOT_SERVING] = [0, 1, 2];
