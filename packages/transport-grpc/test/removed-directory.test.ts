import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { freshDirectory, run, script } from '@rpcplugin/test-support';
import { expect, it } from 'vitest';

/** Calls `connectGrpc` in a working directory that was removed. Prints the name and code of the error. */
const program = `
  import { rmdirSync } from 'node:fs';
  import { credentials } from '@grpc/grpc-js';
  import { connectGrpc } from '../src/index.js';
  import { UnixSocketTransport } from '@rpcplugin/transport-unix';
  const [directory, target] = process.argv.slice(2);
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
    const { stdout, stderr } = await run(script(import.meta.url, program, directory, target));
    expect(stderr).toBe('');
    expect(stdout).toBe('TransportError NOT_FOUND string\n');
  },
);
