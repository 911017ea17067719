// A process or worker thread that prints or posts a name of its own, and stays until it is ended.
import { isMainThread, parentPort } from 'node:worker_threads';
import { ownedName } from '../../src/owner.js';

const name = ownedName('new');
if (isMainThread) console.log(name);
else parentPort?.postMessage(name);
setInterval(() => undefined, 60_000);
