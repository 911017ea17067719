import cluster from 'node:cluster';
import { once } from 'node:events';
import { bundle } from '@rpcplugin/test-support';
import { expect, it, onTestFinished } from 'vitest';
import { transport } from './support.js';

it('a cluster worker listens until it closes its transport, also after worker.disconnect()', async () => {
  const exec = bundle(new URL('children/cluster-worker.ts', import.meta.url));
  cluster.setupPrimary({ exec, execArgv: [] });
  const worker = cluster.fork();
  onTestFinished(() => void worker.process.kill('SIGKILL'));
  const [endpoint] = (await once(worker, 'message')) as [string];
  worker.disconnect();
  await once(worker, 'disconnect');
  const ended = once(worker, 'exit');
  await transport().connect(endpoint);
  // Nothing else keeps the worker, so it exits by itself.
  expect(await ended).toEqual([0, null]);
});
