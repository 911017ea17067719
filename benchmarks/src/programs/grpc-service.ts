import { makeClientConstructor } from '@grpc/grpc-js';
import type { handleUnaryCall, MethodDefinition } from '@grpc/grpc-js';

// Messages are raw bytes, to measure the transport and not a serializer.
const asIs = (bytes: Buffer): Buffer => bytes;
function method(path: string, responseStream: boolean): MethodDefinition<Buffer, Buffer> {
  return {
    path,
    requestStream: false,
    responseStream,
    requestSerialize: asIs,
    requestDeserialize: asIs,
    responseSerialize: asIs,
    responseDeserialize: asIs,
  };
}
export const service = { Echo: method('/bench.Bench/Echo', false), Download: method('/bench.Bench/Download', true) };
/** The client of the service. */
export const BenchClient = makeClientConstructor(service, 'Bench');
export type BenchClient = InstanceType<typeof BenchClient>;

/** Answers with the request. */
export const echo: handleUnaryCall<Buffer, Buffer> = ({ request }, callback) => {
  callback(null, request);
};

export function callEcho(to: BenchClient, message: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    to['Echo']?.(message, (error: Error | null) => {
      if (error === null) resolve();
      else reject(error);
    });
  });
}
