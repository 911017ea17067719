import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freshDirectory, run, script } from '@rpcplugin/test-support';
import { expect, it } from 'vitest';

/** Calls `connectGrpc` in a working directory that was removed. Prints the name and code of the error. */
const program = `
  import { rmdirSync } from 'node:fs';
  import { credentials } from '@grpc/grpc-js';
  import { connectGrpc } from '${new URL('../src/index.js', import.meta.url).href.replace(/js$/, 'ts')}';
  import { UnixSocketTransport } from '@rpcplugin/transport-unix';
  const [directory, target] = process.argv.slice(1);
  process.chdir(directory);
  rmdirSync(directory);
  try {
    await connectGrpc(new UnixSocketTransport(), target, credentials.createInsecure(), { waitMs: 0 });
  } catch (error) {
    console.log(error.name, error.code, typeof error.hint);
  }
`;

it.each(['unix:rel.sock', './rel.sock', 'unix:../rel.sock', 'unix:/absent/rel.sock'])(
  'connectGrpc rejects %s with a TransportError in a removed working directory',
  async (target) => {
    const directory = join(await freshDirectory(), 'removed');
    await mkdir(directory);
    const cwd = fileURLToPath(new URL('..', import.meta.url));
    const { stdout, stderr } = await run(script(program, directory, target), { cwd });
    expect(stderr).toBe('');
    expect(stdout).toBe('TransportError NOT_FOUND string\n');
  },
);
