import { status } from '@grpc/grpc-js';
import { isRoot, sharedDirectory, startControlled, whenAllAreOver } from '@rpcplugin/test-support';
import type { Child } from '@rpcplugin/test-support';
import { beforeAll, describe, expect, it } from 'vitest';
import { makeIdentity } from './certificates.js';
import type { Command, Reply } from './children/vanishing.js';
import { childCommand } from './support.js';

describe.runIf(isRoot && process.platform === 'linux')('when the other machine vanishes', () => {
  const directory = sharedDirectory();
  const whenOver = whenAllAreOver();
  let child: Child<Command, Reply> | undefined;
  beforeAll(async () => {
    await makeIdentity(directory, 'localhost');
    const inNetwork = ['unshare', '--net', 'sh', '-c', 'ip link set lo up && exec "$0" "$@"'] as const;
    child = await startControlled([...inNetwork, ...childCommand('vanishing.ts', directory)], { whenOver });
  });

  const security = [
    { over: 'TCP', tls: false },
    { over: 'TLS', tls: true },
  ];
  const cases: (Omit<Command, 'tls'> & { status?: number })[] = [
    { situation: 'no call', by: 'keep-alive' },
    { situation: 'no call of connectGrpcTarget', by: 'keep-alive' },
    { situation: 'a call that waits', by: 'keep-alive', status: status.UNAVAILABLE },
    { situation: 'a call that waits', by: 'pings', status: status.UNAVAILABLE },
    { situation: 'a call whose request is sent', by: 'pings', status: status.UNAVAILABLE },
    { situation: 'a call whose response is sent', by: 'pings', status: status.UNAVAILABLE },
  ];
  it.concurrent.each(security.flatMap((secured) => cases.map((each) => ({ ...each, ...secured }))))(
    'over $over, with $situation, both ends notice by $by',
    async ({ situation, by, tls, status }) => {
      expect(await child?.ask({ situation, by, tls })).toEqual({ client: true, server: true, status });
    },
  );

  it.concurrent.each(security)('over $over, with calls of short deadlines, the client notices', async ({ tls }) => {
    const reply = await child?.ask({ situation: 'calls with short deadlines', by: 'pings', tls });
    expect(reply).toMatchObject({ client: true });
    // The connection may be lost during the last call.
    expect([status.DEADLINE_EXCEEDED, status.UNAVAILABLE]).toEqual(expect.arrayContaining(reply?.status as number[]));
  });
});
