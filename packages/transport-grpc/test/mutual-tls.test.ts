import { rejectionOf, sharedDirectory, thrownBy } from '@rpcplugin/test-support';
import { describe, expect, it } from 'vitest';
import { mutualTls } from '../src/index.js';
import { makeIdentity } from './certificates.js';
import { ask } from './service.js';
import { connectTo, networks, probeClient, startPlugin } from './support.js';

const [plugin, host, stranger] = (
  await Promise.all(['1', '2', '3'].map(() => makeIdentity(sharedDirectory(), 'localhost')))
).map(({ certificate, key }) => ({ certificate: String(certificate), key: String(key) }));

describe.each(networks)('mutualTls over %s', (network) => {
  it('lets each side serve and call the other', async () => {
    for (const [own, peer] of [
      [plugin, host],
      [host, plugin],
    ] as const) {
      const { endpoint } = await startPlugin(network, { credentials: mutualTls(own, peer?.certificate).server });
      const client = await probeClient(endpoint, mutualTls(peer, own?.certificate).channel);
      expect(await ask(client, 'echo', 'secret')).toBe('secret');
    }
  });

  it.each([
    ['shows another certificate', stranger, plugin],
    ['trusts another certificate', host, stranger],
    ['has no certificate', undefined, undefined],
  ])('keeps out a peer that %s', async (_, own, trusted) => {
    const { endpoint } = await startPlugin(network, { credentials: mutualTls(plugin, host?.certificate).server });
    const connecting = connectTo(endpoint, mutualTls(own, trusted?.certificate).channel);
    expect(await rejectionOf(connecting)).toMatchObject({ code: 'IO' });
  });

  it('connects without TLS if there are no certificates', async () => {
    const { endpoint } = await startPlugin(network, { credentials: mutualTls(undefined, undefined).server });
    const client = await probeClient(endpoint, mutualTls(undefined, undefined).channel);
    expect(await ask(client, 'echo', 'hello')).toBe('hello');
  });
});

it.each([
  ['this side', undefined, host?.certificate],
  ['the other side', plugin, undefined],
])('does not do without TLS if only %s has no certificate', (side, own, peer) => {
  const error = thrownBy(() => mutualTls(own, peer));
  expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', hint: expect.any(String) as string });
  expect(error.message).toContain(`${side} has none`);
});
