// A host in a worker thread: `worker-host.mjs NETWORK PLUGIN-ARGUMENT...`.
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import { launch } from '../../src/host.js';
import { agreed } from '../agreed.js';
import { ask } from '../service.js';

if (isMainThread) {
  const worker = new Worker(new URL(import.meta.url), { argv: process.argv.slice(2) });
  worker.on('message', (text: string) => {
    console.log(text);
  });
} else {
  const autoMtls = true;
  const plugin = await launch(process.execPath, process.argv.slice(2), { ...agreed, autoMtls });
  await plugin.ping();
  parentPort?.postMessage(await ask(plugin, 'echo from a worker thread'));
  parentPort?.postMessage(`exit code ${await plugin.stop()}`);
}
