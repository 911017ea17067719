import { connectivityState, status } from '@grpc/grpc-js';
import { codeOf, until } from '@rpcplugin/test-support';
import { expect, it } from 'vitest';
import { ask, call, Probe } from './service.js';
import { connected, freeEndpoint, networks, startPlugin, transportAt } from './support.js';

// gRPC's own policy fails that call with the refusal of the calls before.
it.each(networks)(
  'the first call to a plugin that is back succeeds, whatever was called before, over %s',
  async (network) => {
    const endpoint = await freeEndpoint(network);
    let plugin = await startPlugin(network, { transport: transportAt(endpoint) });
    const client = (await connected(endpoint, undefined, { waitMs: 0 })).client(Probe);
    const outcomes: string[] = [];
    for (let restarts = 0; restarts < 30; restarts++) {
      await plugin.listener.close({ graceMs: 0 });
      const failing = Array.from({ length: 1 + (restarts % 3) }, () => codeOf(call(client, 'echo')));
      expect(new Set(await Promise.all(failing))).toEqual(new Set([status.UNAVAILABLE]));
      plugin = await startPlugin(network, { transport: transportAt(endpoint) });
      outcomes.push(await ask(client, 'echo', 'back', { deadline: Date.now() + 20_000 }).catch(String));
    }
    expect(outcomes).toEqual(Array(30).fill('back'));
  },
);

it('a call while the plugin restarts waits for waitMs', async () => {
  const endpoint = await freeEndpoint('unix');
  const { listener } = await startPlugin('unix', { transport: transportAt(endpoint) });
  const connection = await connected(endpoint, undefined, { waitMs: 20_000, timeoutMs: 20_000 });
  await listener.close();
  await until(() => connection.channel.getConnectivityState(false) === connectivityState.IDLE);
  const answer = ask(connection.client(Probe), 'echo', 'hello');
  await startPlugin('unix', { transport: transportAt(endpoint) });
  expect(await answer).toBe('hello');
});
