import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort, isRoot, portOf, sharedDirectory } from '@rpcplugin/test-support';
import { afterAll, describe, expect, it } from 'vitest';
import { otherCommand, plainServer, startOther } from './support.js';
import type { OtherProcess } from './support.js';

// These names and the name server are those of one process only, which has its own view of the file system: nobody else
// sees what is mounted in it. That takes Linux and its superuser.
const canMount = isRoot && spawnSync('unshare', ['--mount', 'true']).status === 0;

const hosts = `
127.0.0.1 localhost several
::1 localhost several both six
127.0.0.2 several
127.0.0.3 both
`;
const [a = 0, b = 0] = crypto.getRandomValues(new Uint8Array(2));
const nameServer = `127.77.${a}.${b}`;
const child = canMount ? await startWithOwnHosts() : undefined;

describe.runIf(canMount)('a host name, in a process with its own /etc/hosts', () => {
  it('with several addresses is connected to where only one answers', async () => {
    for (const address of ['127.0.0.1', '127.0.0.2', '::1']) {
      const port = portOf(await plainServer(address));
      expect(await child?.ask({ do: 'connect', endpoint: `several:${port}` })).toEqual({ result: address });
    }
  });

  it('localhost, when only its IPv4 or only its IPv6 address is listened on', async () => {
    for (const address of ['127.0.0.1', '::1']) {
      const port = portOf(await plainServer(address));
      expect(await child?.ask({ do: 'connect', endpoint: `localhost:${port}` })).toEqual({ result: address });
    }
  });

  it('of which no address answers: CONNECTION_REFUSED, and the message lists each', async () => {
    const port = await freePort();
    const reply = await child?.ask({ do: 'connect', endpoint: `several:${port}` });
    expect(reply?.error).toMatchObject({ code: 'CONNECTION_REFUSED', endpoint: `several:${port}` });
    for (const address of ['127.0.0.1', '127.0.0.2', '::1'])
      expect(reply?.error?.message).toContain(`${address}:${port}`);
  });

  it('of both families is listened on at its IPv4 address, and one of IPv6 only at that', async () => {
    const both = await child?.ask({ do: 'listen', options: { host: 'both' } });
    expect(both?.result).toMatch(/^127\.0\.0\.3:\d+$/);
    const six = await child?.ask({ do: 'listen', options: { host: 'six' } });
    expect(six?.result).toMatch(/^\[::1\]:\d+$/);
  });

  it('that the name server never answers for: TIMEOUT and ABORTED, without waiting for it', async () => {
    await child?.ask({ do: 'nameServer', address: nameServer });
    const begun = performance.now();
    const timedOut = await child?.ask({ do: 'connect', endpoint: 'host.example:1', options: { timeoutMs: 100 } });
    expect(timedOut?.error).toMatchObject({ code: 'TIMEOUT', endpoint: 'host.example:1' });
    const aborted = await child?.ask({ do: 'connect', endpoint: 'host.example:1', abort: true });
    expect(aborted?.error).toMatchObject({ code: 'ABORTED', endpoint: 'host.example:1' });
    // The resolver itself goes on for 5 s.
    expect(performance.now() - begun).toBeLessThan(4000);
  });
});

async function startWithOwnHosts(): Promise<OtherProcess> {
  const directory = sharedDirectory();
  await writeFile(join(directory, 'hosts'), hosts);
  await writeFile(join(directory, 'resolv.conf'), `nameserver ${nameServer}\n`);
  const mounts = ['hosts', 'resolv.conf'].map((name) => `mount --bind ${directory}/${name} /etc/${name}`);
  const mounted = ['unshare', '--mount', 'sh', '-c', `${mounts.join(' && ')} && exec "$0" "$@"`] as const;
  return startOther({ whenOver: afterAll }, [...mounted, ...otherCommand]);
}
