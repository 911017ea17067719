import { readdir } from 'node:fs/promises';
import { run } from '@rpcplugin/test-support';
import { describe, expect, it } from 'vitest';
import { describeInterop } from '../src/describe-interop.js';
import { peers } from '../src/peers.js';
import { bundlePlugin } from '../src/bundle-plugin.js';
import { networks } from './networks.js';
import { python, pythonEnv } from './python.js';

const plugin = bundlePlugin();

describe.each(networks)('over $over', ({ over: network, env, available }) => {
  describe.each([
    { over: network, security: [] },
    { over: `${network}, mutual TLS`, security: ['--mtls'] },
  ])('$over', ({ over, security }) => {
    describeInterop({ peer: peers.python, role: 'host of a TypeScript plugin', over }, () => {
      it.runIf(available)('makes calls of every kind, and shuts the plugin down', async () => {
        const own = await pythonEnv();
        const ending = await run(python('host.py', ...security, 'calls', ...plugin), {
          env: { ...own, ...env },
        });
        expect(ending).toMatchObject({ status: 0, stderr: '' });
        expect(ending.stdout).toMatch(/\ncalls: as it should be\n$/);
        expect(await readdir(own.PLUGIN_UNIX_SOCKET_DIR)).toEqual([]);
      });

      it.runIf(available)('fails pending calls when the plugin is killed', async () => {
        const own = await pythonEnv();
        const ending = await run(python('host.py', ...security, 'killed', ...plugin), {
          env: { ...own, ...env },
        });
        expect(ending).toMatchObject({ status: 0, stderr: '' });
        expect(ending.stdout).toMatch(/\nkilled: as it should be\n$/);
      });
    });
  });
});
