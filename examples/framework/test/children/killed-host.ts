// A host that launches a plugin with these arguments, prints where it is, and waits to be killed.
import { launch } from '../../src/host.js';
import { agreed } from '../agreed.js';

const plugin = await launch(process.execPath, process.argv.slice(2), { ...agreed, autoMtls: true });
console.log(JSON.stringify({ pid: plugin.process?.pid, running: plugin.running }));
