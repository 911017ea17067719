import { execFile } from 'node:child_process';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { freshDirectory, sourceLoader } from '@rpcplugin/test-support';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

const contract = `
import { randomUUID } from 'node:crypto';
import { stuckServer } from '@rpcplugin/transport-testkit';
import { describeTransport } from '@rpcplugin/transport-testkit/node-test';

const servers = [];
describeTransport({
  create: () => new AbstractSocketTransport(randomUUID()),
  capabilities: {
    canonical: /^abstract:./,
    createAt: (endpoint) => new AbstractSocketTransport(endpoint.replace('abstract:', '')),
    malformed: ['', 'abstract:', 'abstract'],
    foreign: ['127.0.0.1:1', 'unix:/tmp/s', '/tmp/s'],
    absent: {
      'a name without a listener': { code: 'CONNECTION_REFUSED', make: () => 'abstract:' + randomUUID() },
    },
    stuck: async () => {
      const server = await stuckServer({ path: '\\0' + randomUUID() });
      servers.push(server);
      return server.address.replace('\\0', 'abstract:');
    },
    cleanUp: async () => {
      for (const server of servers.splice(0)) await server.end();
    },
  },
});
`;

it.runIf(process.platform === 'linux')(
  "the transport in transport-base's README keeps the contract",
  async () => {
    const readme = await readFile(join(root, 'packages/transport-base/README.md'), 'utf8');
    const example = /```js\n(.*?)```/s.exec(readme)?.[1] ?? '';
    const directory = await freshDirectory();
    // As in a project that has installed the packages.
    await mkdir(join(directory, 'node_modules'));
    await symlink(join(root, 'node_modules/@rpcplugin'), join(directory, 'node_modules/@rpcplugin'));
    const file = join(directory, 'readme.test.mjs');
    await writeFile(file, example + contract);
    const args = [...sourceLoader, '--test', '--test-reporter=tap', file];
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: root }).catch(
      (error: unknown) => error as { stdout: string },
    );
    expect(stdout).toMatch(/^# fail 0$/m);
    expect(Number(/^# pass (\d+)$/m.exec(stdout)?.[1])).toBeGreaterThan(90);
  },
  120_000,
);
