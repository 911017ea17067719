// The configurations of docs/behind-a-proxy.md as they stand. Their ports and paths are fixed, so they run in a network
// namespace and with a /run of their own.
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { codeBlocks, freshDirectory, isRoot, run } from '@rpcplugin/test-support';
import type { CommandLine } from '@rpcplugin/test-support';
import { expect, it } from 'vitest';
import { bundlePlugin } from '../src/bundle-plugin.js';
import { describeInterop } from '../src/describe-interop.js';
import { peers } from '../src/peers.js';
import type { Seen } from './children/behind-proxy.js';

const page = readFileSync(new URL('../../docs/behind-a-proxy.md', import.meta.url), 'utf8');
const [haproxyConfiguration = ''] = codeBlocks(page, 'haproxy');
const [streamConfiguration = '', grpcConfiguration = ''] = codeBlocks(page, 'nginx');

const program = bundlePlugin(new URL('children/behind-proxy.ts', import.meta.url));

const isolate = `set -e
ip link set lo up
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /var/log
mkdir /var/log/nginx
exec "$@"`;

/** Starts a proxy and the plugins behind it, and calls each of the ports. The group is that of the proxy. */
async function callThrough(
  configuration: string,
  { group, ports, command }: { group: string; ports: string; command: (file: string) => CommandLine },
): Promise<Seen[]> {
  const file = join(await freshDirectory(0o755), 'proxy.conf');
  await writeFile(file, configuration);
  const unshare = ['unshare', '--net', '--mount', 'sh', '-c', isolate, 'sh'] as const;
  const ended = await run([...unshare, ...program, group, ports, ...command(file)]);
  expect(ended, ended.stderr).toMatchObject({ status: 0 });
  return ended.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Seen);
}

const haproxy = { group: 'haproxy', command: (file: string): CommandLine => ['haproxy', '-f', file] };
const nginx = {
  group: 'www-data',
  command: (file: string): CommandLine => ['nginx', '-g', 'daemon off;', '-e', 'stderr', '-c', file],
};

describeInterop({ peer: peers.haproxy, role: 'proxy as documented', over: 'TCP, unix' }, () => {
  it.runIf(isRoot)('tells the plugins the addresses of its clients', async () => {
    const seen = await callThrough(haproxyConfiguration, { ...haproxy, ports: '50051,50052' });
    expect(seen.map(({ port }) => port)).toEqual(['50051', '50052']);
    for (const { local, peer } of seen) expect(peer).toBe(local);
  });
});

describeInterop({ peer: peers.nginx, role: 'proxy as documented', over: 'TCP, unix' }, () => {
  it.runIf(isRoot)('tells the plugins the addresses of its clients', async () => {
    const seen = await callThrough(streamConfiguration, { ...nginx, ports: '50051,50052' });
    expect(seen.map(({ port }) => port)).toEqual(['50051', '50052']);
    for (const { local, peer } of seen) expect(peer).toBe(local);
  });

  it.runIf(isRoot)('tells the plugins the addresses in the metadata of gRPC calls', async () => {
    const seen = await callThrough(grpcConfiguration, { ...nginx, ports: '50053,50054' });
    expect(seen.map(({ peer }) => peer.split('\n')[1])).toEqual(['127.0.0.1', '127.0.0.1']);
  });
});
