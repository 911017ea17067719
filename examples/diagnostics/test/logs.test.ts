import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { closeAfterTest, freshDirectory, rejectionOf } from '@rpcplugin/test-support';
import { TCPSocketTransport } from '@rpcplugin/transport-tcp';
import { UnixSocketTransport } from '@rpcplugin/transport-unix';
import { pino } from 'pino';
import { expect, it, onTestFinished } from 'vitest';
import { logTransports } from '../src/logs.js';

/** On a busy machine as well. */
const soon = { timeout: 20_000 };

interface Entry extends Record<string, unknown> {
  readonly msg: string;
}

/** Logs until the end of the test. Returns what the logger has written so far. */
function logs(level = 'debug'): () => Entry[] {
  const output = new PassThrough({ encoding: 'utf8' });
  let text = '';
  output.on('data', (chunk: string) => {
    text += chunk;
  });
  const logger = pino({ level, formatters: { level: (label) => ({ level: label }) }, base: null }, output);
  onTestFinished(logTransports(logger));
  return () =>
    text
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Entry);
}

it('logs the life of a listener and of a connection', async () => {
  const entries = logs();
  const messages = (): string[] => entries().map(({ msg }) => msg);
  const plugin = closeAfterTest(new UnixSocketTransport());
  const host = closeAfterTest(new UnixSocketTransport());
  const endpoint = await plugin.listen();
  const connection = await host.connect(endpoint);
  await expect.poll(messages, soon).toContain('accepted a connection');
  connection.destroy();
  await expect.poll(() => messages().filter((msg) => msg === 'a connection closed'), soon).toHaveLength(2);
  await plugin.close();

  const about = { network: 'unix', endpoint };
  expect(entries()[0]).toMatchObject({ ...about, level: 'info', msg: 'listening' });
  const durationMs = expect.any(Number) as unknown;
  expect(entries()).toContainEqual(expect.objectContaining({ ...about, level: 'debug', msg: 'connected', durationMs }));
  expect(entries().at(-1)).toMatchObject({ ...about, level: 'info', msg: 'closed', destroyed: 0 });
});

it('logs a failed connect with its code and hint', async () => {
  const entries = logs();
  const endpoint = `unix:${join(await freshDirectory(), 's')}`;
  const { message, hint } = await rejectionOf(
    closeAfterTest(new UnixSocketTransport()).connect(endpoint, { waitMs: 0 }),
  );
  expect(hint).toBeDefined();
  const err = expect.objectContaining({ type: 'TransportError', code: 'NOT_FOUND', hint }) as unknown;
  await expect
    .poll(entries, soon)
    .toEqual([
      expect.objectContaining({ level: 'warn', network: 'unix', endpoint, operation: 'connect', msg: message, err }),
    ]);
});

it('logs an onConnection that throws as an error, which no caller gets', async () => {
  const entries = logs('error');
  const plugin = closeAfterTest(new TCPSocketTransport());
  const endpoint = await plugin.listen({
    onConnection: () => {
      throw new RangeError('mine');
    },
  });
  await closeAfterTest(new TCPSocketTransport()).connect(endpoint);
  await expect.poll(entries, soon).toHaveLength(1);
  expect(entries()[0]).toMatchObject({ level: 'error', network: 'tcp', endpoint, operation: 'handler' });
});

it('warns of a connection beyond maxConnections', async () => {
  const entries = logs('warn');
  const endpoint = await closeAfterTest(new TCPSocketTransport({ maxConnections: 1 })).listen();
  const host = closeAfterTest(new TCPSocketTransport());
  await host.connect(endpoint);
  await host.connect(endpoint);
  await expect.poll(() => entries().filter(({ reason }) => reason === 'maxConnections'), soon).toHaveLength(1);
});
