import { readFile } from 'node:fs/promises';
import { ServerCredentials, status } from '@grpc/grpc-js';
import { formatHandshakeLine } from '@rpcplugin/endpoint-utils';
import { durationOf, plainListener, portOf } from '@rpcplugin/test-support';
import { describe, expect, it } from 'vitest';
import {
  certificateFiles,
  freshPath,
  grpcServer,
  http1Server,
  http2Server,
  plainServer,
  unknownService,
} from './grpc-servers.js';
import { NOT_SERVING, SERVING, UNKNOWN } from './health-service.js';
import { probed } from './support.js';

/** The levels of the findings. */
function levels(result: { findings: { level: string }[] }): string[] {
  return result.findings.map(({ level }) => level);
}

describe('a gRPC server', () => {
  it('that is healthy is well', async () => {
    const { exit, result } = await probed([await grpcServer(() => SERVING)]);
    expect(exit).toBe(0);
    expect(result).toMatchObject({ status: 'live', grpc: { protocol: 'HTTP/2', health: 'SERVING', service: '' } });
    expect(result.findings).toEqual([{ level: 'ok', what: 'gRPC is healthy', advice: 'There is nothing to do.' }]);
  });

  it.each([
    { health: NOT_SERVING, name: 'NOT_SERVING' },
    { health: UNKNOWN, name: 'UNKNOWN' },
  ])('whose health is $name is a problem', async ({ health, name }) => {
    const { exit, result } = await probed([await grpcServer(() => health)]);
    expect(exit).toBe(1);
    expect(result).toMatchObject({ status: 'live', grpc: { health: name } });
    expect(levels(result)).toEqual(['problem']);
  });

  it('that knows only the service of go-plugin is asked for that', async () => {
    const endpoint = await grpcServer((service) => (service === 'plugin' ? SERVING : unknownService));
    const { exit, result } = await probed([endpoint]);
    expect(exit).toBe(0);
    expect(result.grpc).toEqual({ protocol: 'HTTP/2', health: 'SERVING', service: 'plugin' });
  });

  it.each([
    { what: 'has no health service', health: undefined, grpcStatus: status.UNIMPLEMENTED },
    { what: 'knows no service', health: () => unknownService, grpcStatus: status.NOT_FOUND },
    {
      what: 'wants credentials',
      health: () => ({ code: status.UNAUTHENTICATED, details: 'who are you?' }),
      grpcStatus: status.UNAUTHENTICATED,
    },
  ])('that $what answers, which is noted', async ({ health, grpcStatus }) => {
    const { exit, result } = await probed([await grpcServer(health)]);
    expect(exit).toBe(0);
    expect(result).toMatchObject({ status: 'live', grpc: { protocol: 'HTTP/2', grpcStatus } });
    expect(levels(result)).toEqual(['note']);
  });
});

describe('a call that fails', () => {
  it('for want of permission is noted', async () => {
    const { exit, result } = await probed([await grpcServer(() => ({ code: status.PERMISSION_DENIED, details: '' }))]);
    expect(exit).toBe(0);
    expect(levels(result)).toEqual(['note']);
    expect(result.findings[0]?.advice).toContain('credentials');
  });

  it.each([status.INTERNAL, status.UNAVAILABLE, status.RESOURCE_EXHAUSTED])(
    'with status %i is a problem',
    async (code) => {
      const { exit, result } = await probed([await grpcServer(() => ({ code, details: 'unavailable' }))]);
      expect(exit).toBe(1);
      expect(result.grpc).toEqual({ protocol: 'HTTP/2', grpcStatus: code });
      expect(levels(result)).toEqual(['problem']);
      expect(result.findings[0]?.what).toContain('unavailable');
      expect(result.findings[0]?.advice).not.toContain('credentials');
    },
  );

  it('with a status that is not a number is a problem, and the JSON has no status', async () => {
    const endpoint = await http2Server((response) => {
      response.writeHead(200, { 'content-type': 'application/grpc', 'grpc-status': 'fine' });
      response.end();
    });
    const { exit, result } = await probed([endpoint]);
    expect(exit).toBe(1);
    expect(result.grpc).toEqual({ protocol: 'HTTP/2' });
    expect(result.findings).toMatchObject([
      { level: 'problem', what: expect.stringContaining('the status "fine", not a number') as string },
    ]);
  });

  it('as its answer never ends is a problem, and the rest is not read', async () => {
    let written = 0;
    const endpoint = await http2Server((response) => {
      response.writeHead(200, { 'content-type': 'application/grpc' });
      const write = (): void => {
        if (response.stream.destroyed || response.stream.closed) return;
        written += 65536;
        response.write(Buffer.alloc(65536), write);
      };
      write();
    });
    const { exit, result } = await probed([endpoint]);
    expect(exit).toBe(1);
    expect(result.grpc).toEqual({ protocol: 'HTTP/2' });
    expect(result.findings).toMatchObject([
      { level: 'problem', what: expect.stringContaining('a message too long') as string },
    ]);
    // The windows of HTTP/2, and what the kernel holds.
    expect(written).toBeLessThan(4 * 2 ** 20);
  });

  it('as the end of the answer is late is told as late', async () => {
    const endpoint = await http2Server((response) => {
      response.writeHead(200, { 'content-type': 'application/grpc' });
      response.write(Buffer.from([0, 0, 0, 0, 2, 8, SERVING]));
    });
    const { exit, result } = await probed(['--timeout', '1000', endpoint]);
    expect(exit).toBe(1);
    expect(result.grpc).toEqual({ protocol: 'HTTP/2', httpStatus: 200 });
    expect(result.findings[0]?.what).toBe('an HTTP/2 server does not answer the health check in time');
    expect(result.findings[0]?.advice).toContain('--timeout');
  });
});

describe('something else', () => {
  it.each([
    { what: 'an HTTP/1 server', start: http1Server, grpc: { protocol: 'HTTP/1' } },
    {
      what: 'an HTTP/2 server that is not gRPC',
      start: () => http2Server(),
      grpc: { protocol: 'HTTP/2', httpStatus: 404 },
    },
    {
      what: 'a listener that stays silent',
      start: () => plainServer(),
      grpc: { protocol: 'silent' },
      limit: ['--timeout', '500'],
    },
    {
      what: 'a listener that closes connections',
      start: () => plainServer((socket) => socket.end()),
      grpc: { protocol: 'closed' },
    },
    {
      what: 'a listener that resets connections',
      start: () => plainServer((socket) => socket.destroy()),
      grpc: { protocol: 'closed' },
    },
    {
      what: 'another protocol',
      start: () => plainServer((socket) => socket.end('220 mail.example ESMTP\r\n')),
      grpc: { protocol: 'unknown' },
    },
  ])('$what is a problem', async ({ start, grpc, limit = [] }) => {
    const { exit, result } = await probed([...limit, await start()]);
    expect(exit).toBe(1);
    expect(result).toMatchObject({ status: 'live', grpc });
    expect(result.grpc).toEqual(grpc);
    expect(result.findings).toEqual([
      { level: 'problem', what: expect.any(String) as string, advice: expect.stringContaining('--no-grpc') as string },
    ]);
  });

  it('that ends at the first connection is a problem', async () => {
    const path = await freshPath();
    const server = await plainListener({ path }, (socket) => {
      server.close();
      socket.destroy();
    });
    const { exit, result } = await probed([path]);
    expect(exit).toBe(1);
    expect(result).toMatchObject({ status: 'live', grpc: { protocol: 'closed' } });
    expect(result.findings).toMatchObject([{ what: expect.stringContaining('accepts no other') as string }]);
  });

  it('is not asked with --no-grpc, and neither is a plugin of net/rpc', async () => {
    let bytes = 0;
    const server = await plainListener({ host: '127.0.0.1', port: 0 }, (socket) => {
      socket.on('data', ({ length }: Buffer) => (bytes += length));
    });
    const address = `127.0.0.1:${portOf(server)}`;
    for (const args of [['--no-grpc', address], [`1|1|tcp|${address}|netrpc`]]) {
      const { exit, result } = await probed(args);
      expect(exit).toBe(0);
      expect(result).not.toHaveProperty('grpc');
    }
    expect(bytes).toBe(0);
  });

  it('that is silent may be stopped, as the advice says', async () => {
    const { result } = await probed(['--timeout', '500', await plainServer()]);
    expect(result.findings[0]?.advice).toMatch(/stopped or busy/);
  });

  it('is waited for until the time limit', async () => {
    const path = await plainServer();
    expect(await durationOf(() => probed(['--timeout', '3000', path]))).toBeGreaterThanOrEqual(3000);
    expect((await probed(['--timeout', '1', path])).result.grpc).toEqual({ protocol: 'silent' });
  });
});

describe('a server with TLS', () => {
  it('is recognized, and no problem', async () => {
    const { identity } = await certificateFiles();
    const pair = { cert_chain: identity.certificate, private_key: identity.key };
    const endpoint = await grpcServer(() => SERVING, ServerCredentials.createSsl(null, [pair]));
    const { exit, result } = await probed([endpoint]);
    expect(exit).toBe(0);
    expect(result).toMatchObject({ status: 'live', grpc: { protocol: 'TLS' } });
    expect(levels(result)).toEqual(['note']);
    expect(result.findings[0]?.advice).toContain('--ca');
  });

  it('is asked with --ca, and not trusted without it', async () => {
    const { identity, certificate } = await certificateFiles();
    const pair = { cert_chain: identity.certificate, private_key: identity.key };
    const endpoint = await grpcServer(() => SERVING, ServerCredentials.createSsl(null, [pair]));
    const trusted = await probed(['--ca', certificate, endpoint]);
    expect(trusted.exit).toBe(0);
    expect(trusted.result.grpc).toMatchObject({ protocol: 'HTTP/2', health: 'SERVING' });
    const untrusted = await probed(['--tls', endpoint]);
    expect(untrusted.exit).toBe(1);
    expect(untrusted.result.grpc).toEqual({ protocol: 'TLS' });
    expect(untrusted.result.findings[0]?.what).toMatch(/^TLS failed: self-signed certificate/);
    expect(untrusted.result.findings[0]?.advice).toContain('--ca');
  });

  it('that wants a certificate is asked with --cert and --key, by its handshake line', async () => {
    const { identity, certificate, key } = await certificateFiles();
    const pair = { cert_chain: identity.certificate, private_key: identity.key };
    const credentials = ServerCredentials.createSsl(identity.certificate, [pair], true);
    const endpoint = await grpcServer(() => SERVING, credentials);
    const pem = await readFile(certificate, 'utf8');
    const line = formatHandshakeLine({ appVersion: 1, network: 'unix', endpoint, protocol: 'grpc', certificate: pem });
    const known = await probed(['--cert', certificate, '--key', key, line]);
    expect(known.exit).toBe(0);
    expect(known.result.grpc).toMatchObject({ health: 'SERVING' });
    const started = performance.now();
    const unknown = await probed([line]);
    // The refusal is reported when it comes, not after the time limit.
    expect(performance.now() - started).toBeLessThan(30_000);
    expect(unknown.exit).toBe(1);
    expect(unknown.result.findings[0]?.what).toMatch(/^TLS failed: .*certificate required$/);
    expect(unknown.result.findings[0]?.advice).toContain('--cert');
  });

  it('whose certificate has another name is asked with --authority', async () => {
    const { identity, certificate, key } = await certificateFiles('kv.internal');
    const pair = { cert_chain: identity.certificate, private_key: identity.key };
    const endpoint = await grpcServer(() => SERVING, ServerCredentials.createSsl(identity.certificate, [pair], true));
    const args = ['--ca', certificate, '--cert', certificate, '--key', key];
    const named = await probed([...args, '--authority', 'kv.internal', endpoint]);
    expect(named.exit).toBe(0);
    expect(named.result.grpc).toMatchObject({ health: 'SERVING' });
    const { exit, result } = await probed([...args, endpoint]);
    expect(exit).toBe(1);
    expect(result.findings).toMatchObject([
      {
        what: expect.stringContaining('kv.internal') as string,
        advice: 'Give the name that the certificate has with --authority.',
      },
    ]);
  });

  it('that speaks no TLS fails with --tls', async () => {
    const { exit, result } = await probed(['--tls', await grpcServer(() => SERVING)]);
    expect(exit).toBe(1);
    expect(result.grpc).toEqual({ protocol: 'unknown' });
    expect(result.findings[0]?.advice).toContain('without --tls');
  });
});
