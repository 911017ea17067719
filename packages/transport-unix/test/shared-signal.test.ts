import { getEventListeners } from 'node:events';
import { join } from 'node:path';
import { freshDirectory, turns } from '@rpcplugin/test-support';
import { expect, it, onTestFinished } from 'vitest';
import { transport } from './support.js';

it('50 connects that share a signal print no warning and leave no listener on it', async () => {
  const warnings: Error[] = [];
  const onWarning = (warning: Error): void => void warnings.push(warning);
  process.on('warning', onWarning);
  onTestFinished(() => void process.off('warning', onWarning));
  const { signal } = new AbortController();
  const path = join(await freshDirectory(), 'p.sock');
  const clients = Array.from({ length: 50 }, () => transport());
  const connecting = clients.map((client) => client.connect(path, { signal, waitMs: 60_000, timeoutMs: 60_000 }));
  const listener = transport({ path });
  await Promise.all([...connecting, listener.listen({ signal })]);
  expect(getEventListeners(signal, 'abort')).toEqual([]);
  // Node emits warnings in a later turn.
  await turns(2);
  expect(warnings).toEqual([]);
});

it('50 connects that share a signal are all aborted by it', async () => {
  const controller = new AbortController();
  const path = join(await freshDirectory(), 'p.sock');
  const { signal } = controller;
  const connecting = Array.from({ length: 50 }, () => transport().connect(path, { signal, waitMs: 60_000 }));
  const outcomes = Promise.allSettled(connecting);
  controller.abort(new Error('enough'));
  for (const outcome of await outcomes) {
    expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'ABORTED', cause: { message: 'enough' } } });
  }
});
