// Launches the plugin of its arguments, kills it during a call, calls it again, and closes nothing.
import { spawn } from 'node:child_process';
import type { Duplex } from 'node:stream';
import { credentials } from '@grpc/grpc-js';
import { codeOf } from '@rpcplugin/test-support/process';
import { connectGrpc } from '@rpcplugin/transport-grpc';
import { StdioTransport } from '../../src/index.js';
import { readLine } from '../handshake-line.js';
import { ask, Probe } from '../service.js';

const [, , program = '', ...args] = process.argv;
const plugin = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit', 'pipe'] });
if (plugin.stdout === null) throw new Error('unreachable');
await readLine(plugin.stdout);
const transport = new StdioTransport({ duplex: plugin.stdio[3] as Duplex });
const client = (await connectGrpc(transport, 'stdio:', credentials.createInsecure())).client(Probe);
await ask(client, 'echo');
const lost = codeOf(ask(client, 'wait', '60000'));
plugin.kill('SIGKILL');
console.log(await lost, await codeOf(ask(client, 'echo')));
