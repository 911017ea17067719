import { formatHandshakeLine } from '@rpcplugin/endpoint-utils';
import { createIdentity } from '@rpcplugin/handshake';
import { describe, expect, it } from 'vitest';
import type { Explanation } from '../src/explain.js';
import { failed, json, rpcEndpoint } from './support.js';
import type { Result } from './support.js';

/** Runs `rpc-endpoint` with `--json`. */
async function explained(args: readonly string[]): Promise<{ exit: unknown; result: Explanation & Result }> {
  const { exit, result } = await json(args);
  return { exit, result: result as Explanation & Result };
}

it.each(['tcp://[0:0::1]:50051', 'explain [::1]:50051'])('%s: a TCP endpoint', async (args) => {
  const { exit, result } = await explained(args.split(' '));
  expect(exit).toBe(0);
  expect(result).toEqual({
    endpoint: '[::1]:50051',
    network: 'tcp',
    host: '::1',
    port: 50_051,
    grpcTarget: '[::1]:50051',
    handshake: { network: 'tcp', address: '[::1]:50051' },
    go: 'net.Dial("tcp", "[::1]:50051")',
    node: 'net.connect({ host: "::1", port: 50051 })',
    findings: [],
  });
});

it('a unix endpoint, as text', async () => {
  const { status, stdout, stderr } = await rpcEndpoint(['unix:///run/p.sock']);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout).toBe(`\
endpoint     unix:/run/p.sock
network      unix
path         /run/p.sock (11 of at most 107 bytes)
gRPC target  unix:/run/p.sock
handshake    network unix, address /run/p.sock
Go           net.Dial("unix", "/run/p.sock")
Node         net.connect({ path: "/run/p.sock" })
`);
});

it('notes what an endpoint has not: a relative path has no address for the handshake', async () => {
  const { exit, result } = await explained(['./p,q.sock']);
  expect(exit).toBe(0);
  expect(result).toMatchObject({ endpoint: 'unix:p,q.sock', node: 'net.connect({ path: "p,q.sock" })' });
  for (const field of ['grpcTarget', 'handshake', 'go']) expect(result).not.toHaveProperty(field);
  expect(result.findings.map(({ level }) => level)).toEqual(['note', 'note']);
});

it('a path that is too long for a socket is a problem', async () => {
  const { exit, result } = await explained([`/tmp/${'p'.repeat(103)}`]);
  expect(exit).toBe(1);
  expect(result.findings).toMatchObject([{ level: 'problem', what: expect.stringMatching('has 108 bytes') as string }]);
});

describe('a handshake line', () => {
  it('of AutoMTLS, with its certificate', async () => {
    const { certificate } = await createIdentity();
    const line = formatHandshakeLine({
      appVersion: 3,
      network: 'unix',
      endpoint: 'unix:/run/p.sock',
      protocol: 'grpc',
      certificate,
      multiplexing: true,
    });
    const { exit, result } = await explained([line]);
    expect(exit).toBe(0);
    expect(result).toMatchObject({ endpoint: 'unix:/run/p.sock', appVersion: 3, protocol: 'grpc', multiplexing: true });
    expect(result.certificate).toEqual({
      subject: expect.stringContaining('localhost') as string,
      validTo: expect.stringContaining('GMT') as string,
      fingerprint256: expect.stringMatching(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/) as string,
    });
  });

  it("of a framework's own network", async () => {
    const { exit, result } = await explained(['1|1|pipe|/run/plugin|grpc']);
    expect(exit).toBe(0);
    expect(result).toEqual({
      endpoint: 'pipe:/run/plugin',
      network: 'pipe',
      handshake: { network: 'pipe', address: '/run/plugin' },
      appVersion: 1,
      protocol: 'grpc',
      findings: [],
    });
  });

  it.each([
    { line: '1|1|unix', code: 'INVALID_ARGUMENT' },
    { line: '2|1|unix|/run/p.sock|grpc', code: 'UNSUPPORTED' },
    { line: '1|1|unix|p.sock|grpc', code: 'INVALID_ENDPOINT' },
    { line: `1|1|unix|/run/p.sock|grpc|${'A'.repeat(60)}`, code: 'INVALID_ARGUMENT' },
  ])('that is wrong is a problem: $line', async ({ line, code }) => {
    const { exit, error } = await failed([line]);
    expect(exit).toBe(1);
    expect(error).toMatchObject({ code, hint: expect.any(String) as string });
  });
});
