import { connect } from 'node:net';
import { holdFreePort, isRoot, plainListener, portOf, run } from '@rpcplugin/test-support';
import { TCPSocketTransport } from '@rpcplugin/transport-tcp';
import { describe, expect, it, onTestFinished } from 'vitest';
import { command, failed, probed } from './support.js';
import type { ProbeResult } from './support.js';

/** A problem that a finding states, with advice on one line. */
function problem(what: string): unknown {
  const advice: unknown = expect.stringMatching(/^.+\.$/);
  return { level: 'problem', what: expect.stringContaining(what) as unknown, advice };
}

it('a live listener, by the address that it is reached at', async () => {
  const port = portOf(await plainListener({ host: '127.0.0.1', port: 0 }));
  const { exit, result } = await probed(['--no-grpc', `localhost:${port}`]);
  expect(exit).toBe(0);
  expect(result).toMatchObject({
    endpoint: `localhost:${port}`,
    network: 'tcp',
    status: 'live',
    host: 'localhost',
    port,
  });
  expect(result.addresses).toContainEqual({ address: `127.0.0.1:${port}`, status: 'live' });
});

describe('an address that cannot be reached', () => {
  it('refused', async () => {
    const { port, release } = await holdFreePort();
    onTestFinished(release);
    const { exit, result } = await probed([`127.0.0.1:${port}`]);
    expect(exit).toBe(1);
    expect(result).toMatchObject({ status: 'refused', code: 'CONNECTION_REFUSED' });
    expect(result.addresses).toEqual([{ address: `127.0.0.1:${port}`, status: 'refused' }]);
    expect(result.findings).toEqual([problem('ECONNREFUSED')]);
  });

  it('timed out, because the kernel drops what it has no room for', async () => {
    await using transport = new TCPSocketTransport({ backlog: 1 });
    const { endpoint } = await transport.hold();
    const sockets = Array.from({ length: 4 }, () => connect(portOf(endpoint)).on('error', () => undefined));
    onTestFinished(() => {
      for (const socket of sockets) socket.destroy();
    });
    const { exit, result } = await probed(['--timeout', '300', endpoint]);
    expect(exit).toBe(1);
    expect(result).toMatchObject({ status: 'timed-out', code: 'TIMEOUT' });
    expect(result.findings).toEqual([problem('within 300 ms')]);
  });

  it.runIf(isRoot)('unreachable', async () => {
    const { status, stdout } = await run(['unshare', '--net', ...command('probe', '--json', '192.0.2.1:1')]);
    expect(status).toBe(1);
    const result = JSON.parse(stdout) as ProbeResult;
    expect(result).toMatchObject({ status: 'unreachable', code: 'ADDRESS_NOT_AVAILABLE' });
    expect(result.findings).toEqual([problem('ENETUNREACH')]);
  });

  it('a host without an address', async () => {
    const { exit, result } = await probed(['--timeout', '5000', 'no-such-host.invalid:1']);
    expect(exit).toBe(1);
    expect(result).toMatchObject({ status: 'unknown-host', code: 'DNS_FAILURE', addresses: [] });
    expect(result.findings).toEqual([problem('no-such-host.invalid')]);
  });

  it('port 0', async () => {
    const { exit, error } = await failed(['probe', '127.0.0.1:0']);
    expect(exit).toBe(1);
    expect(error).toMatchObject({ code: 'INVALID_ENDPOINT' });
  });
});
