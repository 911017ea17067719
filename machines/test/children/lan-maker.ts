// Makes a network with a machine and a program on it, tells their processes, and waits.
import { Lan } from '../../src/lan.js';

const keep = (): void => undefined;
const lan = await Lan.start(keep);
const host = await lan.addHost('one');
const program = host.start(['sleep', 'infinity']);
console.log('processes', lan.pid, host.pid, program.process.pid);
