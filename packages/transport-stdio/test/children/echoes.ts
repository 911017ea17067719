// A plugin that echoes: `echoes.js` at descriptor 3, or `echoes.js INPUT OUTPUT`. Prints what it does on standard error.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fstatSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { turns } from '@rpcplugin/test-support/process';
import { StdioTransport } from '../../src/index.js';

const [input, output] = process.argv.slice(2).map(Number);
const isPaused = process.env['PAUSED'] !== undefined;
const isPair = input !== undefined && output !== undefined;
const descriptors = isPair ? [input, output] : [3];

// Closed with the plugin, not with its children.
if (process.env['WITH_CHILD'] !== undefined) spawn('sleep', ['600'], { stdio: 'inherit' }).unref();

const transport = new StdioTransport(isPair ? { input, output } : {});
// In one write with the line, so that it arrives with it.
if (isPair) writeSync(output, 'the line\nhello ');
await transport.listen({ onConnection, pauseOnConnect: isPaused });

async function onConnection(connection: Duplex): Promise<void> {
  if (isPaused) {
    // The host has written to the connection.
    await once(process.stdin, 'data');
    await turns(30);
    process.stderr.write(`read: ${connection instanceof Socket ? connection.bytesRead : 'unknown'}\n`);
    process.stdin.destroy();
  }
  connection.on('close', report).pipe(connection);
}

function report(): void {
  void transport.close().then(() => {
    const open = descriptors.filter((fd) => {
      try {
        return fstatSync(fd).isSocket() || fstatSync(fd).isFIFO();
      } catch {
        return false;
      }
    });
    process.stderr.write(`open: ${open.join(' ')}\n`);
  });
}
