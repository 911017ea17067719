import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { freePort, isRoot, portOf, settlesWithin, sharedDirectory } from '@rpcplugin/test-support';
import { afterAll, describe, expect, it } from 'vitest';
import { childCommand, plainServer, startChild } from './support.js';
import type { TransportChild } from './support.js';

// One process gets its own /etc/hosts and /etc/resolv.conf, mounted in a namespace that no other process sees. That
// takes Linux and root.
const canMount = isRoot && spawnSync('unshare', ['--mount', 'true']).status === 0;

const hosts = `
127.0.0.1 localhost several mixed
::1 localhost several both six mixed
127.0.0.2 several mixed
::ffff:127.0.0.4 mixed
127.0.0.3 both
`;
const [a = 0, b = 0] = crypto.getRandomValues(new Uint8Array(2));
const nameServer = `127.77.${a}.${b}`;
const child = canMount ? await startWithOwnHosts() : undefined;

describe.runIf(canMount)('host names in a process with its own /etc/hosts', () => {
  it('connects to the only address of several that answers', async () => {
    for (const address of ['127.0.0.1', '127.0.0.2', '::1']) {
      const port = portOf(await plainServer(address));
      expect(await child?.ask({ do: 'connect', endpoint: `several:${port}` })).toEqual({ result: address });
    }
  });

  it('connects to localhost with a listener only on its IPv4 or only on its IPv6 address', async () => {
    for (const address of ['127.0.0.1', '::1']) {
      const port = portOf(await plainServer(address));
      expect(await child?.ask({ do: 'connect', endpoint: `localhost:${port}` })).toEqual({ result: address });
    }
  });

  it('rejects with CONNECTION_REFUSED and lists each address if none answers', async () => {
    const port = await freePort();
    const reply = await child?.ask({ do: 'connect', endpoint: `several:${port}` });
    expect(reply?.error).toMatchObject({ code: 'CONNECTION_REFUSED', endpoint: `several:${port}` });
    for (const address of ['127.0.0.1', '127.0.0.2', '::1'])
      expect(reply?.error?.message).toContain(`${address}:${port}`);
  });

  it('tries the families of addresses in turn', async () => {
    const reply = await child?.ask({ do: 'connect', endpoint: `mixed:${await freePort()}` });
    const tried = [...(reply?.error?.message ?? '').matchAll(/connect E\w+ (\S+):\d+/g)].map(
      ([, address = '']) => address,
    );
    expect(tried.map(isIP).join()).toMatch(/^(4,6,4,6|6,4,6,4)$/);
  });

  it('listens on the IPv4 address of a name, or on the IPv6 address of an IPv6-only name', async () => {
    const both = await child?.ask({ do: 'listen', options: { host: 'both' } });
    expect(both?.result).toMatch(/^127\.0\.0\.3:\d+$/);
    const six = await child?.ask({ do: 'listen', options: { host: 'six' } });
    expect(six?.result).toMatch(/^\[::1\]:\d+$/);
  });

  it('rejects with TIMEOUT or ABORTED without waiting for a silent name server', async () => {
    await child?.ask({ do: 'nameServer', address: nameServer });
    const endpoint = 'host.example:1';
    const replies = (async () => [
      await child?.ask({ do: 'connect', endpoint, options: { timeoutMs: 100 } }),
      await child?.ask({ do: 'connect', endpoint, abort: true }),
    ])();
    // The resolver itself waits for 5 s.
    expect(await settlesWithin(4000, replies)).toBe(true);
    expect(await replies).toMatchObject([
      { error: { code: 'TIMEOUT', endpoint } },
      { error: { code: 'ABORTED', endpoint } },
    ]);
  });
});

async function startWithOwnHosts(): Promise<TransportChild> {
  const directory = sharedDirectory();
  await writeFile(join(directory, 'hosts'), hosts);
  await writeFile(join(directory, 'resolv.conf'), `nameserver ${nameServer}\n`);
  const mounts = ['hosts', 'resolv.conf'].map((name) => `mount --bind ${directory}/${name} /etc/${name}`);
  const mounted = ['unshare', '--mount', 'sh', '-c', `${mounts.join(' && ')} && exec "$0" "$@"`] as const;
  return startChild({ whenOver: afterAll }, [...mounted, ...childCommand]);
}
