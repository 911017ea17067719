import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freshDirectory, run, sharedDirectory, startProgram } from '@rpcplugin/test-support';
import { beforeAll, expect, it } from 'vitest';
import { agreed } from '../src/agreed.js';
import type { KVClient } from '../src/generated/proto/KV.js';
import { launchPlugin } from '../src/host.js';
import { KV } from '../src/protos.js';

const hasCompileCache = !process.version.startsWith('v20.');
/** A directory without packages, so the plugin finds only what is in its bundle. */
const directory = sharedDirectory();
const start = join(directory, 'start.mjs');

beforeAll(async () => {
  const script = fileURLToPath(new URL('../fast-start/bundle.mjs', import.meta.url));
  const { status, stderr } = await run([process.execPath, script, directory], { whenOver: () => undefined });
  expect(status, stderr).toBe(0);
});

it('serves every method to a host that reads proto files, passes its health check, and stops', async () => {
  const plugin = await launchPlugin(process.execPath, [start], {});
  try {
    await plugin.ping();
    const client = plugin.connection.client(KV);
    expect(
      await putAll(client, [
        ['one', '1'],
        ['two', '2'],
      ]),
    ).toBe(2);
    await new Promise((resolve) => client.Put({ key: 'three', value: Buffer.from('3') }, resolve));
    expect(await list(client)).toEqual({ one: '1', two: '2', three: '3' });
    expect(await get(client, 'two')).toBe('2');
    await expect(get(client, 'four')).rejects.toThrow('no key "four"');
  } finally {
    expect(await plugin.stop()).toBe(0);
  }
  expect((await readdir(directory)).includes('cache')).toBe(hasCompileCache);
});

it('starts from its own two files, without packages or proto files', async () => {
  const trace = join(await freshDirectory(), 'trace');
  const env = { [agreed.cookie.name]: agreed.cookie.value, PLUGIN_PROTOCOL_VERSIONS: '1' };
  const strace = ['strace', '-f', '-qq', '-eopenat', '-o', trace] as const;
  const plugin = startProgram([...strace, process.execPath, start], { env });
  await plugin.printed(/\|grpc\n/);
  const opened = (await readFile(trace, 'utf8')).matchAll(/"([^"]+\.(?:[cm]?js|json|proto))"/g);
  expect(new Set([...opened].map(([, file = '']) => file))).toEqual(new Set([start, join(directory, 'plugin.mjs')]));
});

it('does not contain what loads proto files', async () => {
  const code = await readFile(join(directory, 'plugin.mjs'), 'utf8');
  const modules = [...code.matchAll(/^\/\/ (.*\/protobufjs\/.*)$/gm)].map(([, path = '']) => path);
  expect(modules).toContainEqual(expect.stringMatching('src/reader.js'));
  expect(modules).not.toContainEqual(expect.stringMatching('src/parse.js'));
});

function putAll(client: KVClient, entries: readonly (readonly [string, string])[]): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const call = client.PutAll((error, answer) => {
      if (error === null) resolve(answer?.count);
      else reject(error);
    });
    for (const [key, value] of entries) call.write({ key, value: Buffer.from(value) });
    call.end();
  });
}

async function list(client: KVClient): Promise<Record<string, string>> {
  const entries: Record<string, string> = {};
  for await (const { key, value } of client.List({}) as AsyncIterable<{ key: string; value: Buffer }>) {
    entries[key] = value.toString();
  }
  return entries;
}

function get(client: KVClient, key: string): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    client.Get({ key }, (error, answer) => {
      if (error === null) resolve(answer?.value.toString());
      else reject(error);
    });
  });
}
