// Runs the plugin over a unix socket and over TCP, and shows what happens. Exits with 0 only on success.
import { existsSync } from 'node:fs';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { formatHandshakeLine, parseEndpoint } from '@rpcplugin/endpoint-utils';
import type { KVClient } from './generated/proto/KV.js';
import { launchPlugin } from './host.js';
import type { Plugin } from './host.js';
import { KV } from './protos.js';

const CALLS = 2000;
const CALLS_AT_ONCE = 50;

// Works from the sources and from the build, and starts the plugin with the Node options of this process.
const pluginFile = fileURLToPath(new URL(`./plugin${extname(import.meta.url)}`, import.meta.url));
const pluginArgs = [...process.execArgv, pluginFile];

const interruption = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    interruption.abort(new Error(`interrupted by ${signal}`));
  });
}

try {
  for (const network of ['unix', 'tcp']) await demonstrate(network, interruption.signal);
} catch (error) {
  // Errors after an interruption are due to it: Ctrl-C in a terminal reaches the plugin as well.
  const { aborted } = interruption.signal;
  const cause: unknown = aborted ? interruption.signal.reason : error;
  console.error(cause instanceof Error ? cause.message : cause);
  process.exitCode = aborted ? 130 : 1;
}

async function demonstrate(network: string, signal: AbortSignal): Promise<void> {
  console.log(`\n${network}`);
  const started = performance.now();
  const plugin = await launchPlugin(process.execPath, pluginArgs, { env: { PLUGIN_TRANSPORTS: network }, signal });
  show('process', `${plugin.process?.pid ?? '?'}, ready after ${since(started)}`);
  show('handshake', formatHandshakeLine(plugin.running));
  show('endpoint', plugin.running.endpoint);
  try {
    await call(plugin, signal);
  } finally {
    await shutDown(plugin);
  }
}

async function call(plugin: Plugin, signal: AbortSignal): Promise<void> {
  const client = plugin.connection.client(KV);
  const value = Buffer.from('world');
  await promisify((key: string, done: (error: Error | null) => void) => client.Put({ key, value }, done))('hello');
  const started = performance.now();
  let left = CALLS;
  await Promise.all(
    Array.from({ length: CALLS_AT_ONCE }, async () => {
      while (left-- > 0) {
        signal.throwIfAborted();
        const answer = await get(client, 'hello');
        if (!answer.equals(value)) throw new Error(`the plugin answered ${answer.toString()}`);
      }
    }),
  );
  const rate = Math.round((CALLS / (performance.now() - started)) * 1000);
  show('calls', `${CALLS} in ${since(started)}, ${rate} per second, ${CALLS_AT_ONCE} at once`);
}

function get(client: KVClient, key: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    client.Get({ key }, (error, answer) => {
      if (error !== null) reject(error);
      else resolve(answer?.value ?? Buffer.alloc(0));
    });
  });
}

async function shutDown(plugin: Plugin): Promise<void> {
  const started = performance.now();
  const code = await plugin.stop();
  show('shutdown', `exit code ${code ?? 'none, it was killed'}, after ${since(started)}`);
  if (code !== 0) throw new Error('the plugin did not stop when asked to');
  const endpoint = parseEndpoint(plugin.running.endpoint);
  if (endpoint.network !== 'unix') return;
  const left = existsSync(endpoint.path);
  show('socket file', left ? 'still there' : 'gone');
  if (left) throw new Error(`${endpoint.path} was left behind`);
}

function show(name: string, text: string): void {
  console.log(`  ${name.padEnd(12)} ${text}`);
}

function since(started: number): string {
  return `${Math.round(performance.now() - started)} ms`;
}
