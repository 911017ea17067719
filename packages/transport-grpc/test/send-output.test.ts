import { text } from 'node:stream/consumers';
import type { Readable } from 'node:stream';
import { spawnProgram } from '@rpcplugin/test-support';
import { expect, it } from 'vitest';
import { childCommand } from './support.js';

it.each([
  { situation: 'stops with much to send', received: [100_006, 'E:last'], pipe: 'to the pipe' },
  { situation: 'pipes a stream', received: 50_000, pipe: '' },
  { situation: 'has two hosts, of which one leaves', received: ['both ', 'both one '], pipe: 'to the pipe' },
  { situation: 'has stopped', received: '', pipe: 'to the pipe' },
])('a plugin that $situation sends its hosts all that it printed for them', async ({ situation, received, pipe }) => {
  const child = spawnProgram(childCommand('prints.ts', situation), {}, ['pipe', 'pipe', 'inherit', 'pipe']);
  const [printed, reported] = await Promise.all([text(child.stdout), text(child.stdio[3] as Readable)]);
  expect(JSON.parse(reported)).toEqual(received);
  expect(printed).toBe(pipe);
});
