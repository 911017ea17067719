// After some ways of inspecting a socket with `fs`, Node does not find modules through symbolic links, which pnpm
// makes, until `fs` inspects another file (nodejs/node#51142).
import { mkdir, realpath, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { closeAfterTest, freshDirectory } from '@rpcplugin/test-support';
import { UnixSocketTransport } from '@rpcplugin/transport-unix';
import { expect, it, onTestFinished } from 'vitest';

const require = createRequire(import.meta.url);

/** A directory with a package and a link to it. */
async function place(): Promise<string> {
  const directory = await realpath(await freshDirectory());
  await mkdir(join(directory, 'package'));
  await writeFile(join(directory, 'package', 'index.cjs'), 'module.exports = __filename;');
  await symlink('package', join(directory, 'link'));
  // From here on Node knows the directories above, and does not inspect them again.
  await writeFile(join(directory, 'first.cjs'), '');
  require(join(directory, 'first.cjs'));
  return directory;
}

/** The file that Node loads for the package when required through the link. */
function linkedFile(directory: string): unknown {
  return require(join(directory, 'link', 'index.cjs'));
}

it('Node finds modules through symbolic links after a listen on a unix socket', async () => {
  const directory = await place();
  const transport = closeAfterTest(new UnixSocketTransport({ directory }));
  await transport.listen();
  expect(linkedFile(directory)).toBe(join(directory, 'package', 'index.cjs'));
});

it('Node finds modules through symbolic links after a wait for a unix socket', async () => {
  const directory = await place();
  const path = join(directory, 's');
  const transport = closeAfterTest(new UnixSocketTransport());
  const connecting = transport.connect(`unix:${path}`, { waitMs: 5000 });
  const server = createServer().listen(path);
  onTestFinished(() => void server.close());
  await connecting;
  expect(linkedFile(directory)).toBe(join(directory, 'package', 'index.cjs'));
});
