// Runs the programs in peers/python.
import { fileURLToPath } from 'node:url';
import { freshDirectory, run } from '@rpcplugin/test-support';
import type { CommandLine } from '@rpcplugin/test-support';
import { PYTHON } from '../src/peers.js';

const fileOf = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export function python(file: string, ...args: string[]): CommandLine {
  return [PYTHON, fileOf(`../peers/python/${file}`), ...args];
}

/** The environment of the programs, with a fresh directory for plugin sockets. */
export async function pythonEnv(): Promise<NodeJS.ProcessEnv & { PLUGIN_UNIX_SOCKET_DIR: string }> {
  const messages = await freshDirectory();
  const protos = ['kv.proto', 'grpc_controller.proto'];
  const paths = ['kv', 'framework'].map((name) => `--proto_path=${fileOf(`../../examples/${name}/proto`)}`);
  const { status, stderr } = await run(['protoc', ...paths, `--python_out=${messages}`, ...protos]);
  if (status !== 0) throw new Error(`protoc failed: ${stderr}`);
  return {
    PROTO_DIR: messages,
    PLUGIN_UNIX_SOCKET_DIR: await freshDirectory(),
    PYTHONDONTWRITEBYTECODE: '1',
    // By default, gRPC reports each refused connection on standard error.
    GRPC_VERBOSITY: 'NONE',
  };
}
