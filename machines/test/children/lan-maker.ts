// Makes a network with a machine and programs on it, tells their processes, and waits. Argument: an empty directory.
import { Lan } from '../../src/lan.js';
import { NameServer } from '../../src/name-server.js';

const [directory = '.'] = process.argv.slice(2);
const keep = (): void => undefined;
const lan = await Lan.start(keep);
const host = await lan.addHost('one');
const program = host.start(['sleep', 'infinity']);
const nameServer = await NameServer.start(lan, { directory });
console.log('processes', lan.pid, host.pid, program.process.pid, nameServer.pid);
