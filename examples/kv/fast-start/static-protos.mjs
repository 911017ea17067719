// An esbuild plugin that makes the messages and services of proto files at build time. Otherwise, a plugin parses its
// proto files and compiles their messages whenever it starts.
import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import protobuf from 'protobufjs';
import { pbjs } from 'protobufjs-cli';

/** Replaces each module `src/protos.ts`: what it exports is then made from all files in `proto`. */
export const staticProtos = {
  name: 'static-protos',
  setup(build) {
    build.onLoad({ filter: /[/\\]src[/\\]protos\.ts$/ }, async ({ path }) => {
      const directory = join(dirname(path), '../proto');
      const files = (await readdir(directory)).map((name) => join(directory, name));
      return {
        contents: `${await messagesOf(files)}\n${await servicesOf(files)}`,
        resolveDir: import.meta.dirname,
      };
    });
  },
};

/** The code of the messages. */
async function messagesOf(files) {
  const left = ['create', 'verify', 'delimited', 'typeurl', 'comments', 'service'].map((name) => `--no-${name}`);
  return promisify(pbjs.main)(['--target=static-module', '--wrap=es6', `--root=${files[0]}`, ...left, ...files]);
}

/** The code of the services: what grpc-js's `loadPackageDefinition` makes of what proto-loader loads. */
async function servicesOf(files) {
  const root = await protobuf.load(files);
  root.resolveAll();
  return `
import { makeGenericClientConstructor } from '@grpc/grpc-js';

const serialize = (type) => (message) => type.encode(type.fromObject(message)).finish();
const deserialize = (type) => (bytes) => type.toObject(type.decode(bytes), { defaults: true, enums: String });
const method = (path, requestStream, responseStream, request, response) => ({
  path,
  requestStream,
  responseStream,
  requestSerialize: serialize(request),
  requestDeserialize: deserialize(request),
  responseSerialize: serialize(response),
  responseDeserialize: deserialize(response),
});
${servicesIn(root).map(serviceCode).join('\n')}`;
}

function servicesIn(namespace) {
  return namespace.nestedArray.flatMap((each) => {
    if (each instanceof protobuf.Service) return [each];
    return each instanceof protobuf.Namespace ? servicesIn(each) : [];
  });
}

function serviceCode({ name, fullName, methodsArray }) {
  const methods = methodsArray.map((method) => {
    const { requestStream = false, responseStream = false, resolvedRequestType, resolvedResponseType } = method;
    const types = `$root${resolvedRequestType.fullName}, $root${resolvedResponseType.fullName}`;
    const path = `${fullName.replace('.', '/')}/${method.name}`;
    return `  ${method.name}: method('${path}', ${requestStream}, ${responseStream}, ${types}),`;
  });
  return `export const ${name} = makeGenericClientConstructor({\n${methods.join('\n')}\n}, '${name}');`;
}
