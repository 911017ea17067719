import { createHook } from 'node:async_hooks';
import { closed, durationOf } from '@rpcplugin/test-support';
import { expect, it } from 'vitest';
import { ask, Probe } from './service.js';
import { connected, PROMPT_MS, startPlugin } from './support.js';

/** Not in the types of Node. */
interface Timer {
  readonly _idleTimeout: number;
  readonly _repeat: number | null;
  readonly _destroyed: boolean;
}

it('leaves no timer that wakes the process for a channel without calls', async () => {
  const timers: Timer[] = [];
  const hook = createHook({
    init: (_id, type, _trigger, resource) => {
      if (type === 'Timeout') timers.push(resource as Timer);
    },
  });
  const { endpoint } = await startPlugin('unix');
  hook.enable();
  const connection = await connected(endpoint);
  expect(await ask(connection.client(Probe), 'echo', 'hello')).toBe('hello');
  hook.disable();
  // The pool of grpc-js had one.
  const repeated = timers.filter((timer) => timer._repeat === 10_000);
  expect(repeated).toMatchObject([{ _destroyed: true }]);
  const alive = timers.filter((timer) => !timer._destroyed && timer._repeat !== null);
  expect(alive.filter((timer) => timer._idleTimeout < 60_000)).toEqual([]);
});

it('closes the connection of a channel that becomes idle at once, and dials for its next call', async () => {
  const { accepted, endpoint } = await startPlugin('unix');
  const channelOptions = { 'grpc.client_idle_timeout_ms': 1000 };
  const connection = await connected(endpoint, undefined, { channelOptions });
  const client = connection.client(Probe);
  expect(await ask(client, 'echo', 'hello')).toBe('hello');
  const closing = (): Promise<unknown> => Promise.all(accepted.map(closed));
  expect(await durationOf(closing)).toBeLessThan(PROMPT_MS);
  expect(await ask(client, 'echo', 'hello')).toBe('hello');
  expect(accepted).toHaveLength(2);
  expect(await durationOf(closing)).toBeLessThan(PROMPT_MS);
});
