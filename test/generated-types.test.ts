import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { freshDirectory } from '@rpcplugin/test-support';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

async function contents(directory: string): Promise<Record<string, string>> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Object.fromEntries(
    await Promise.all(files.sort().map(async (file) => [file.slice(directory.length), await readFile(file, 'utf8')])),
  ) as Record<string, string>;
}

it.each(['examples/framework', 'examples/kv', 'interop'])(
  'the generated types of %s match its proto files',
  async (name) => {
    const folder = join(root, name);
    const manifest = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as {
      scripts: { generate: string };
    };
    const directory = await freshDirectory();
    const [, ...args] = manifest.scripts.generate.replace('src/generated', directory).split(' ');
    const generator = join(folder, 'node_modules/.bin/proto-loader-gen-types');
    await promisify(execFile)(generator, args, { cwd: folder });
    expect(await contents(join(folder, 'src/generated'))).toEqual(await contents(directory));
  },
);
