import { run, script, thrownBy } from '@rpcplugin/test-support';
import { describe, expect, it, test } from 'vitest';
import { handshakeEnv, handshakeFromEnv } from '../src/index.js';

const cookie = { name: 'A_COOKIE', value: 'of the test' };
const started = { A_COOKIE: 'of the test' };

describe('a plugin', () => {
  it.each([
    ['1', [1], 1],
    ['1,2,3', [1, 2], 2],
    ['5', [4, 5, 6], 5],
    ['10,9', [9, 10], 10],
  ])('speaks the latest version that its host has too: %s and %j', (versions, appVersions, appVersion) => {
    const env = { ...started, PLUGIN_PROTOCOL_VERSIONS: versions };
    expect(handshakeFromEnv({ cookie, appVersions }, env)).toEqual({ appVersion, multiplexing: false });
  });

  it.each([undefined, '', '7', 'x,,'])(
    'speaks its earliest version, which the host judges, if it has none of %j',
    (v) => {
      const env = { ...started, PLUGIN_PROTOCOL_VERSIONS: v };
      expect(handshakeFromEnv({ cookie, appVersions: [3, 2] }, env).appVersion).toBe(2);
    },
  );

  it('gets what its host says', () => {
    const env = handshakeEnv({ cookie, appVersions: [1, 4], certificate: 'PEM', multiplexing: true });
    expect(handshakeFromEnv({ cookie, appVersions: [4] }, env)).toEqual({
      appVersion: 4,
      hostCertificate: 'PEM',
      multiplexing: true,
    });
  });

  it.each([{}, { A_COOKIE: 'another' }])('knows that a person started it, with %j', (env) => {
    const error = thrownBy(() => handshakeFromEnv({ cookie, appVersions: [1] }, env));
    expect(error).toMatchObject({ code: 'UNSUPPORTED', message: expect.stringMatching(/only its host/) as string });
    expect(error.hint).toMatch(/A_COOKIE/);
    expect(error.hint).not.toMatch(/of the test/);
  });
});

test('a plugin does not inherit what its host, a plugin as well, was told', async () => {
  const nested = `
    import { execFileSync } from 'node:child_process';
    import { handshakeEnv } from '../src/index.js';
    const env = { ...process.env, ...handshakeEnv({ cookie: { name: 'B', value: 'b' }, appVersions: [1] }) };
    process.stdout.write(execFileSync('sh', ['-c', 'env | grep ^PLUGIN_'], { env }));`;
  const env = handshakeEnv({ cookie, appVersions: [9], certificate: 'PEM', multiplexing: true });
  const { stdout } = await run(script(import.meta.url, nested), { env });
  expect(stdout).toBe('PLUGIN_PROTOCOL_VERSIONS=1\n');
});

it.each([
  [undefined],
  [{}],
  [{ cookie: { name: '', value: 'x' }, appVersions: [1] }],
  [{ cookie: { name: 'x', value: '' }, appVersions: [1] }],
  [{ cookie, appVersions: [] }],
  [{ cookie, appVersions: [-1] }],
  [{ cookie, appVersions: [1.5] }],
  [{ cookie, appVersions: '1' }],
])('rejects the options %j', (options) => {
  for (const call of [handshakeEnv, handshakeFromEnv]) {
    const error = thrownBy(() => call(options as never));
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', hint: expect.any(String) as string });
  }
});

it('takes away where a host that is a plugin itself was told to listen', () => {
  const env = handshakeEnv({ cookie: { name: 'A', value: 'b' }, appVersions: [1] });
  for (const name of ['PLUGIN_UNIX_SOCKET_DIR', 'PLUGIN_UNIX_SOCKET_GROUP', 'PLUGIN_MIN_PORT', 'PLUGIN_MAX_PORT']) {
    expect(env).toHaveProperty(name, undefined);
  }
});
