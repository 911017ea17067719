import { isRoot, whenAllAreOver } from '@rpcplugin/test-support';
import { beforeAll, describe, expect, it } from 'vitest';
import { childCommand, startChild } from './support.js';
import type { TransportChild } from './support.js';

describe.runIf(isRoot && process.platform === 'linux')('on a machine', () => {
  let down: TransportChild | undefined;
  let withoutIPv6: TransportChild | undefined;
  let withOnePort: TransportChild | undefined;

  beforeAll(async () => {
    const noIPv6 = 'echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6';
    const onePort = `echo ${PORT} ${PORT} > /proc/sys/net/ipv4/ip_local_port_range`;
    [down, withoutIPv6, withOnePort] = await Promise.all([
      startInNetwork('true'),
      startInNetwork(`${noIPv6} && ip link set lo up`),
      startInNetwork(`${onePort} && ip link set lo up`),
    ]);
  });

  it('without IPv6, a listener on :: is reached by the endpoint that listen returned', async () => {
    const reply = await withoutIPv6?.ask({ do: 'reach', options: { host: '::' } });
    expect(reply).toEqual({ result: expect.stringMatching(/^0\.0\.0\.0:[1-9]\d*$/) as string });
  });

  it('without IPv6, connect to ::1 rejects with a hint that says so', async () => {
    const reply = await withoutIPv6?.ask({ do: 'connect', endpoint: '[::1]:1' });
    expect(reply?.error).toMatchObject({ code: 'ADDRESS_NOT_AVAILABLE' });
    expect(reply?.error?.hint).toMatch(/no IPv6/);
  });

  it('whose only free port is that of the endpoint, connect rejects instead of connecting to itself', async () => {
    const reply = await withOnePort?.ask({ do: 'connect', endpoint: `127.0.0.1:${PORT}` });
    expect(reply?.error).toMatchObject({ code: 'CONNECTION_REFUSED' });
    expect(reply?.error?.message).toContain('connected to itself');
  });

  it.each(['127.0.0.1', '0.0.0.0', '[::1]', '[::ffff:127.0.0.1]', 'localhost'])(
    'whose loopback interface is down, connect to %s rejects with a hint that says so',
    async (host) => {
      const reply = await down?.ask({ do: 'connect', endpoint: `${host}:1` });
      expect(reply?.error).toMatchObject({ code: 'ADDRESS_NOT_AVAILABLE' });
      expect(reply?.error?.hint).toMatch(/loopback interface is down.*ip link set lo up/);
    },
  );

  it('without a network, connect to another machine rejects with a hint about the route', async () => {
    const reply = await down?.ask({ do: 'connect', endpoint: '192.0.2.1:1' });
    expect(reply?.error).toMatchObject({ code: 'ADDRESS_NOT_AVAILABLE' });
    expect(reply?.error?.hint).toBe('This machine has no route to the host. Check the host.');
  });
});

/** The only port that the system chooses for a socket. */
const PORT = 40_001;

const whenOver = whenAllAreOver();

/** Starts a child process in a network of its own, in which a shell runs `setup` first. */
function startInNetwork(setup: string): Promise<TransportChild> {
  const inNetwork = ['unshare', '--net', 'sh', '-c', `${setup} && exec "$0" "$@"`] as const;
  return startChild({ whenOver }, [...inNetwork, ...childCommand]);
}
