// The service of the tests' plugin, with text as its messages: `method argument`.
import { makeGenericClientConstructor } from '@grpc/grpc-js';
import type { Client, Server, ServiceDefinition, ServiceError, handleUnaryCall } from '@grpc/grpc-js';
import type { GrpcConnection } from '@rpcplugin/transport-grpc';

const serialize = (text: string): Buffer => Buffer.from(text);
const deserialize = String;

const service = {
  Do: {
    path: '/test.Probe/Do',
    requestStream: false,
    responseStream: false,
    requestSerialize: serialize,
    requestDeserialize: deserialize,
    responseSerialize: serialize,
    responseDeserialize: deserialize,
  },
} satisfies ServiceDefinition;

type ProbeClient = Client & {
  Do(request: string, done: (error: ServiceError | null, answer: string) => void): void;
};
const Probe = makeGenericClientConstructor(service, 'test.Probe') as unknown as new () => ProbeClient;

/** Adds the service to a server. */
export function addProbe(server: Server, answer: (request: string) => string | Promise<string>): Server {
  const handler: handleUnaryCall<string, string> = ({ request }, done) => {
    Promise.resolve(answer(request)).then(
      (text) => {
        done(null, text);
      },
      (error: unknown) => {
        done({ details: String(error) });
      },
    );
  };
  server.addService(service, { Do: handler });
  return server;
}

/** Makes a call at the other end of a connection. */
export function ask({ connection }: { connection: GrpcConnection }, request: string): Promise<string> {
  return new Promise((resolve, reject) => {
    connection.client(Probe).Do(request, (error, answer) => {
      if (error === null) resolve(answer);
      else reject(error);
    });
  });
}
