import { Socket } from 'node:net';
import { freePort, portOf, rejectionOf } from '@rpcplugin/test-support';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { plainServer, transport } from './support.js';

describe('connect with an invalid endpoint', () => {
  it.each(['unix:/run/p.sock', '/run/p.sock', 'unix:p.sock'])(
    'rejects %s with INVALID_ENDPOINT and suggests the unix transport',
    async (text) => {
      const error = await rejectionOf(transport().connect(text));
      expect(error).toMatchObject({ code: 'INVALID_ENDPOINT', endpoint: text });
      expect(error.message).toContain(text);
      expect(error.hint).toContain('unix');
    },
  );

  it.each(['127.0.0.1:0', '[::1]:0', 'localhost:0', 'tcp://127.0.0.1:00'])(
    'rejects port 0 in %s with INVALID_ENDPOINT',
    async (text) => {
      const error = await rejectionOf(transport().connect(text));
      expect(error).toMatchObject({ code: 'INVALID_ENDPOINT', endpoint: text });
      expect(error.hint).toContain('Port 0');
    },
  );

  it.each([
    ['', /empty/],
    ['127.0.0.1', /port/],
    ['127.0.0.1:', /port/],
    ['127.0.0.1:65536', /port/],
    ['127.0.0.1:http', /port/],
    [':50051', /host/],
    ['::1:50051', /brackets/],
    ['user@localhost:50051', /credentials/],
    ['http://localhost:50051', /scheme/],
    ['localhost:50051/path', /path/],
    ['localhost:50051\n', /control/],
    [undefined, /string/],
    [null, /string/],
    [50_051, /string/],
    [{ host: 'localhost', port: 50_051 }, /string/],
  ])('rejects %j with INVALID_ENDPOINT and says why', async (endpoint, reason) => {
    const error = await rejectionOf(transport().connect(endpoint as string));
    expect(error.code).toBe('INVALID_ENDPOINT');
    expect(error.hint).toMatch(reason);
  });

  it('does not set the endpoint property', async () => {
    const client = transport();
    await rejectionOf(client.connect('unix:/run/p.sock'));
    expect(client.endpoint).toBeUndefined();
  });
});

describe('connect with a valid endpoint', () => {
  it.each(['tcp:', 'tcp://', 'ipv4:', 'dns:', 'dns:///'])('accepts the prefix %s', async (scheme) => {
    const server = await plainServer('127.0.0.1');
    const client = transport();
    await client.connect(`${scheme}127.0.0.1:${portOf(server)}`);
    expect(client.endpoint).toBe(`127.0.0.1:${portOf(server)}`);
  });

  it('keeps the host name in the endpoint property, in lower case', async () => {
    const listener = transport({ host: 'localhost' });
    const port = portOf(await listener.listen());
    const client = transport();
    await client.connect(`LOCALHOST:${port}`);
    expect(client.endpoint).toBe(`localhost:${port}`);
  });
});

describe('connect without a listener', () => {
  it('rejects with CONNECTION_REFUSED after one attempt by default and names the address', async () => {
    const port = await freePort();
    const attempts = vi.spyOn(Socket.prototype, 'connect');
    onTestFinished(() => {
      attempts.mockRestore();
    });
    const error = await rejectionOf(transport().connect(`127.0.0.1:${port}`));
    expect(attempts).toHaveBeenCalledTimes(1);
    expect(error).toMatchObject({
      code: 'CONNECTION_REFUSED',
      endpoint: `127.0.0.1:${port}`,
      cause: { code: 'ECONNREFUSED' },
      hint: expect.stringContaining('waitMs') as string,
    });
    expect(error.message).toContain(`127.0.0.1:${port}`);
  });

  it('rejects with CONNECTION_REFUSED after waitMs', async () => {
    const port = await freePort();
    const started = performance.now();
    const error = await rejectionOf(transport().connect(`127.0.0.1:${port}`, { waitMs: 200 }));
    expect(performance.now() - started).toBeGreaterThanOrEqual(200);
    expect(error.code).toBe('CONNECTION_REFUSED');
  });

  it('rejects an unknown host name with DNS_FAILURE without waiting', async () => {
    const error = await rejectionOf(
      transport().connect('nonexistent.invalid:50051', { waitMs: 60_000, timeoutMs: 60_000 }),
    );
    expect(error).toMatchObject({
      code: 'DNS_FAILURE',
      endpoint: 'nonexistent.invalid:50051',
      hint: expect.stringContaining('host name') as string,
    });
    expect(error.message).toContain('nonexistent.invalid');
  });

  // The kernel refuses to send to the broadcast address on any network.
  it.runIf(process.platform === 'linux')(
    'rejects an unreachable address with ADDRESS_NOT_AVAILABLE or PERMISSION_DENIED',
    async () => {
      const error = await rejectionOf(transport().connect('255.255.255.255:50051'));
      expect(['ADDRESS_NOT_AVAILABLE', 'PERMISSION_DENIED']).toContain(error.code);
      expect(error.message).toContain('255.255.255.255');
    },
  );
});
