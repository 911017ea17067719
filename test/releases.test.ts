// A rehearsal of releases: in a copy of the repository's manifests, with a registry of the tarballs that it publishes.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freshDirectory, listening, portOf, run, sharedDirectory } from '@rpcplugin/test-support';
import type { CommandLine } from '@rpcplugin/test-support';
import { beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest';

interface Manifest {
  name: string;
  version: string;
  dependencies?: Record<string, string>;
}

/** That which runs this test, if one does: npx first asks the registry for its version. */
const { npm_execpath = '' } = process.env;
const pnpm: CommandLine = npm_execpath.includes('pnpm') ? ['node', npm_execpath] : ['npx', '--yes', 'pnpm@10'];

const repository = fileURLToPath(new URL('..', import.meta.url));
const copy = sharedDirectory();
const names = readdirSync(join(repository, 'packages'));

beforeAll(() => {
  for (const file of ['package.json', 'pnpm-workspace.yaml', '.changeset', 'scripts']) {
    cpSync(join(repository, file), join(copy, file), { recursive: true });
  }
  symlinkSync(join(repository, 'node_modules'), join(copy, 'node_modules'));
  const folders = ['packages', 'internal', 'examples'].flatMap((folder) =>
    readdirSync(join(repository, folder)).map((name) => join(folder, name)),
  );
  for (const folder of [...folders, 'interop', 'benchmarks']) {
    mkdirSync(join(copy, folder), { recursive: true });
    cpSync(join(repository, folder, 'package.json'), join(copy, folder, 'package.json'));
  }
  for (const name of names) {
    const folder = join(copy, 'packages', name);
    mkdirSync(join(folder, 'dist'));
    mkdirSync(join(folder, 'node_modules'));
    writeFileSync(join(folder, 'dist/index.js'), '');
    for (const file of ['README.md', 'LICENSE']) cpSync(join(repository, 'packages', name, file), join(folder, file));
    // pnpm reads the versions of dependencies from here.
    symlinkSync(join(copy, 'scope'), join(folder, 'node_modules/@rpcplugin'));
  }
  mkdirSync(join(copy, 'scope'));
  for (const folder of folders) symlinkSync(join(copy, folder), join(copy, 'scope', basename(folder)));
  execFileSync('git', ['init', '--quiet'], { cwd: copy });
});

async function command(...line: [string, ...string[]]): Promise<void> {
  const { status, stdout, stderr } = await run(line, { cwd: copy, env: inject('downloads') });
  if (status !== 0) throw new Error(`${line.join(' ')} failed:\n${stdout}${stderr}`);
}

function manifestOf(name: string): Manifest {
  return JSON.parse(readFileSync(join(copy, 'packages', name, 'package.json'), 'utf8')) as Manifest;
}

/** Releases packages for a changeset, or those in the repository. Returns the new versions. */
async function release(bumps?: Record<string, string>): Promise<Record<string, string>> {
  const before = names.map(manifestOf);
  if (bumps !== undefined) {
    const lines = Object.entries(bumps).map(([name, type]) => `'@rpcplugin/${name}': ${type}\n`);
    writeFileSync(join(copy, '.changeset/rehearsal.md'), `---\n${lines.join('')}---\n\nA change.\n\n- In detail.\n`);
  }
  await command('node', 'scripts/version.mjs');
  expect(readdirSync(join(copy, '.changeset')).filter((file) => file.endsWith('.md'))).toEqual([]);
  const after = names.map((name) => [name, manifestOf(name).version] as const);
  return Object.fromEntries(after.filter(([, version], i) => version !== before[i]?.version));
}

function changelogOf(name: string): string {
  return readFileSync(join(copy, 'packages', name, 'CHANGELOG.md'), 'utf8');
}

/** The tarballs of all releases, by package and version. */
const published = new Map<string, Map<string, Buffer>>();

/** Packs what has new versions, as `changeset publish` does. */
async function publish(versions: Record<string, string>): Promise<void> {
  const filters = Object.keys(versions).flatMap((name) => ['--filter', `@rpcplugin/${name}`]);
  const tarballs = join(copy, 'tarballs');
  await command(...pnpm, ...filters, '--recursive', 'pack', '--pack-destination', tarballs);
  for (const [name, version] of Object.entries(versions)) {
    const tarball = readFileSync(join(tarballs, `rpcplugin-${name}-${version}.tgz`));
    published.set(name, (published.get(name) ?? new Map<string, Buffer>()).set(version, tarball));
  }
}

/** Starts a registry of what is published. Returns its address. */
async function startRegistry(): Promise<string> {
  const registry = createServer(({ url = '', headers: { host = '' } }, response) => {
    const [, scope, name = '', , version] = decodeURIComponent(url).split('/');
    const versions = published.get(name);
    if (scope !== '@rpcplugin' || versions === undefined) {
      response.writeHead(404).end('{}');
    } else if (version !== undefined) {
      response.end(versions.get(version));
    } else {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify(packument(name, versions, `http://${host}`)));
    }
  });
  onTestFinished(() => void registry.close());
  await listening(registry, { host: '127.0.0.1', port: 0 });
  return `http://127.0.0.1:${portOf(registry)}/`;
}

/** What a registry says of a package. */
function packument(name: string, versions: ReadonlyMap<string, Buffer>, address: string): object {
  const entries = [...versions].map(([version, tarball]) => {
    const url = `${address}/@rpcplugin/${name}/-/${version}`;
    const integrity = `sha512-${createHash('sha512').update(tarball).digest('base64')}`;
    return [version, { ...manifestIn(tarball), dist: { tarball: url, integrity } }] as const;
  });
  return {
    name: `@rpcplugin/${name}`,
    'dist-tags': { latest: [...versions.keys()].at(-1) },
    versions: Object.fromEntries(entries),
  };
}

function manifestIn(tarball: Buffer): Manifest {
  return JSON.parse(fileIn(tarball, 'package.json')) as Manifest;
}

function fileIn(tarball: Buffer, file: string): string {
  return execFileSync('tar', ['-xzO', `package/${file}`], { input: tarball, encoding: 'utf8' });
}

/** The versions of a package that npm installed. */
function installed(project: string, name: string): string[] {
  const found = readdirSync(join(project, 'node_modules'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith(`@rpcplugin/${name}/package.json`))
    .map((file) => JSON.parse(readFileSync(join(project, 'node_modules', file), 'utf8')) as Manifest);
  return found.map(({ version }) => version).sort();
}

describe('a series of releases', { concurrent: false, timeout: 120_000 }, () => {
  it('begins with 0.1.0 of each package', async () => {
    const versions = await release();
    expect(versions).toEqual(Object.fromEntries(names.map((name) => [name, '0.1.0'])));
    await publish(versions);
  });

  it('has changelogs with the text of the changesets, without commits and dependencies', () => {
    const changeset = readFileSync(join(repository, '.changeset/first-transport-unix.md'), 'utf8');
    const [text = ''] = /First release[^]*/.exec(changeset) ?? [];
    const changelog = changelogOf('transport-unix');
    expect(changelog.replaceAll('\n  ', '\n')).toContain(`## 0.1.0\n\n### Minor Changes\n\n- ${text}`);
    expect(changelog).not.toMatch(/[0-9a-f]{7}|Updated dependencies/);
  });

  it('publishes tarballs with all that users look for, and ranges that caret the versions of the release', () => {
    for (const [name, versions] of published) {
      const tarball = versions.get('0.1.0') ?? Buffer.alloc(0);
      const manifest = manifestIn(tarball);
      expect(manifest).toMatchObject({
        homepage: expect.stringContaining(`/packages/${name}#readme`) as string,
        bugs: expect.stringContaining('/issues') as string,
        author: expect.any(String) as string,
        license: 'Apache-2.0',
      });
      for (const file of ['README.md', 'LICENSE', 'CHANGELOG.md']) expect(fileIn(tarball, file)).not.toBe('');
      const own = Object.entries(manifest.dependencies ?? {});
      expect(own.every(([each, range]) => each.startsWith('@rpcplugin/') && range === '^0.1.0')).toBe(true);
    }
  });

  it('gives a breaking release to whatever depends on a package with one, directly or not, and to nothing else', async () => {
    const versions = await release({ 'transport-core': 'patch', 'transport-base': 'minor', 'transport-tcp': 'patch' });
    // A change that breaks nothing releases its package alone.
    expect(versions).toHaveProperty('transport-core', '0.1.1');
    expect(versions).not.toHaveProperty('endpoint-utils');
    const breaking = names.filter((name) => versions[name] === '0.2.0');
    expect(breaking).toEqual(names.filter((name) => !['transport-core', 'endpoint-utils'].includes(name)));
    expect(changelogOf('transport-unix')).toContain(
      '- Needs `@rpcplugin/transport-base` 0.2.0. Upgrade them together.\n',
    );
    await publish(versions);
  });

  it('never gives users a second copy of a package unless they upgrade to it', async () => {
    const project = await freshDirectory();
    const npm = async (...args: string[]): Promise<void> => {
      const options = ['--no-audit', '--no-fund', '--cache', join(project, '.cache')];
      const ending = await run(['npm', ...args, ...options, `--@rpcplugin:registry=${registry}`], {
        cwd: project,
        env: inject('downloads'),
      });
      expect(ending).toMatchObject({ status: 0 });
    };
    const registry = await startRegistry();
    writeFileSync(join(project, 'package.json'), '{ "private": true }');
    await npm('install', '@rpcplugin/transport-base@0.1', '@rpcplugin/transport-unix@0.1');
    await npm('update');
    expect(installed(project, 'transport-core')).toEqual(['0.1.1']);
    expect(installed(project, 'transport-base')).toEqual(['0.1.0']);
    expect(installed(project, 'transport-unix')).toEqual(['0.1.0']);

    await npm('install', '@rpcplugin/transport-base@latest', '@rpcplugin/transport-unix@latest');
    expect(installed(project, 'transport-core')).toEqual(['0.1.1']);
    expect(installed(project, 'transport-base')).toEqual(['0.2.0']);
    expect(installed(project, 'transport-unix')).toEqual(['0.2.0']);

    // One alone, across a breaking version: npm says nothing.
    await npm(
      'install',
      '@rpcplugin/transport-tcp@0.1',
      '@rpcplugin/transport-base@0.1',
      '@rpcplugin/transport-unix@0.1',
    );
    await npm('install', '@rpcplugin/transport-unix@latest');
    expect(installed(project, 'transport-base')).toEqual(['0.1.0', '0.2.0']);
    expect(installed(project, 'transport-core')).toEqual(['0.1.1']);
  });
});
