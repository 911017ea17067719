// A gRPC service that echoes, and what a host and its plugin agree on.
import { makeGenericClientConstructor } from '@grpc/grpc-js';

const same = (bytes) => bytes;
const method = (path, isStream) => ({
  path,
  requestStream: isStream,
  responseStream: isStream,
  requestSerialize: same,
  requestDeserialize: same,
  responseSerialize: same,
  responseDeserialize: same,
});

export const echoService = { echo: method('/Echo/Echo', false), echoAll: method('/Echo/EchoAll', true) };

export const echoHandlers = {
  echo: ({ request }, answer) => answer(null, request),
  echoAll: (call) => void call.pipe(call),
};

export const EchoClient = makeGenericClientConstructor(echoService, 'Echo');

export const launch = { cookie: { name: 'RUNTIMES_PLUGIN', value: 'd4a7' }, appVersions: [1] };
