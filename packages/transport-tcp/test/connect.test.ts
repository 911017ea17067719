import { freePort, portOf, rejectionOf } from '@rpcplugin/test-support';
import { describe, expect, it } from 'vitest';
import { plainServer, transport } from './support.js';

describe('an endpoint that is not one to connect to over TCP', () => {
  it.each(['unix:/run/p.sock', '/run/p.sock', 'unix:p.sock'])(
    '%s: INVALID_ENDPOINT, with what to use',
    async (text) => {
      const error = await rejectionOf(transport().connect(text));
      expect(error).toMatchObject({ code: 'INVALID_ENDPOINT', endpoint: text });
      expect(error.message).toContain(text);
      expect(error.hint).toContain('unix');
    },
  );

  it.each(['127.0.0.1:0', '[::1]:0', 'localhost:0', 'tcp://127.0.0.1:00'])('%s: INVALID_ENDPOINT', async (text) => {
    const error = await rejectionOf(transport().connect(text));
    expect(error).toMatchObject({ code: 'INVALID_ENDPOINT', endpoint: text });
    expect(error.hint).toContain('Port 0');
  });

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
  ])('%j: INVALID_ENDPOINT, saying why', async (endpoint, reason) => {
    const error = await rejectionOf(transport().connect(endpoint as string));
    expect(error.code).toBe('INVALID_ENDPOINT');
    expect(error.hint).toMatch(reason);
  });

  it('does not count as the last endpoint', async () => {
    const client = transport();
    await rejectionOf(client.connect('unix:/run/p.sock'));
    expect(client.endpoint).toBeUndefined();
  });
});

describe('the forms of an endpoint', () => {
  it.each(['tcp:', 'tcp://', 'ipv4:', 'dns:', 'dns:///'])('with %s reach the same listener', async (scheme) => {
    const server = await plainServer('127.0.0.1');
    const client = transport();
    await client.connect(`${scheme}127.0.0.1:${portOf(server)}`);
    expect(client.endpoint).toBe(`127.0.0.1:${portOf(server)}`);
  });

  it('a host name is kept in the endpoint, in lower case', async () => {
    const listener = transport({ host: 'localhost' });
    const port = portOf(await listener.listen());
    const client = transport();
    await client.connect(`LOCALHOST:${port}`);
    expect(client.endpoint).toBe(`localhost:${port}`);
  });
});

describe('nobody there', () => {
  it('is CONNECTION_REFUSED at once by default, naming the address', async () => {
    const port = await freePort();
    const begun = performance.now();
    const error = await rejectionOf(transport().connect(`127.0.0.1:${port}`));
    expect(performance.now() - begun).toBeLessThan(1000);
    expect(error).toMatchObject({
      code: 'CONNECTION_REFUSED',
      endpoint: `127.0.0.1:${port}`,
      cause: { code: 'ECONNREFUSED' },
      hint: expect.stringContaining('waitMs') as string,
    });
    expect(error.message).toContain(`127.0.0.1:${port}`);
  });

  it('is CONNECTION_REFUSED after waitMs', async () => {
    const port = await freePort();
    const begun = performance.now();
    const error = await rejectionOf(transport().connect(`127.0.0.1:${port}`, { waitMs: 200 }));
    expect(performance.now() - begun).toBeGreaterThanOrEqual(200);
    expect(error.code).toBe('CONNECTION_REFUSED');
  });

  it('is DNS_FAILURE for a name without an address, and not waited for', async () => {
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

  // The kernel refuses to send to the broadcast address, whatever the machine's network.
  it.runIf(process.platform === 'linux')('is an error of its own where no route leads', async () => {
    const error = await rejectionOf(transport().connect('255.255.255.255:50051'));
    expect(['ADDRESS_NOT_AVAILABLE', 'PERMISSION_DENIED']).toContain(error.code);
    expect(error.message).toContain('255.255.255.255');
  });
});
