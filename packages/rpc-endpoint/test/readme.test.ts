import { readFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { codeBlocks, freshDirectory, run, script, startProgram, typescript } from '@rpcplugin/test-support';
import { expect, it } from 'vitest';
import { groupName, userName } from '../src/account-names.js';
import { command } from './support.js';

const blocks = codeBlocks(await readFile(new URL('../README.md', import.meta.url), 'utf8'), 'console');

/** The place, process, user and name of the leftover in the README. */
const shown = {
  place: '/run/example',
  pid: '4242',
  user: 'alice',
  name: 'plugin-6d1f0c52a9-4242-4242-1344003-78ffY5HKSQ_u',
};

/** Runs the commands of a block in a directory. Returns the block with what they print, as it is in the README. */
async function transcript(block: string, directory: string): Promise<string> {
  const lines = block.split('\n').filter((line) => line.startsWith('$ '));
  let text = '';
  for (const line of lines) {
    const words = command().map((word) => `'${word}'`);
    const shell = line.slice(2).replace('rpc-endpoint', words.join(' ')).replaceAll(shown.place, directory);
    const { stdout, stderr } = await run(['sh', '-c', shell]);
    expect(stderr).toBe('');
    text += `${line}\n${stdout}`;
  }
  const { uid, gid } = userInfo();
  return text
    .replaceAll(/plugin-[0-9a-f]{10}-\d+-\d+-\d+-[\w-]{12}/g, shown.name)
    .replaceAll(directory, shown.place)
    .replace(/(\S+) \(\d+ of/, (_, path: string) => `${path} (${Buffer.byteLength(path)} of`)
    .replaceAll(/pid \d+/g, `pid ${shown.pid}`)
    .replace(/(listener .*)\(.*\)/, '$1(node plugin.mjs)')
    .replace(`owner ${userName(uid)}, group ${groupName(gid)}`, `owner ${shown.user}, group ${shown.user}`)
    .replaceAll(`rpcplugin-${uid}`, 'rpcplugin-1000');
}

it('the commands in the README print what it shows', async () => {
  const directory = await freshDirectory();
  const [unix = '', line = '', live = '', stale = '', sweep = '', ...others] = blocks;
  expect(others).toEqual([]);
  const plugin = startProgram(
    typescript(new URL('children/plugin.ts', import.meta.url), join(directory, 'plugin.sock')),
  );
  await plugin.printed(/\n/);
  for (const block of [unix, line, live]) expect(await transcript(block, directory)).toBe(block);
  await plugin.kill();
  expect(await transcript(stale, directory)).toBe(stale);

  const code = `
    import { UnixSocketTransport } from '@rpcplugin/transport-unix';
    console.log(await new UnixSocketTransport().listen());
  `;
  const killed = startProgram(script(import.meta.url, code), { env: { XDG_RUNTIME_DIR: directory } });
  await killed.printed(/\n/);
  await killed.kill();
  expect(await transcript(sweep, directory)).toBe(sweep);
});
