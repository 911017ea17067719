import { entriesOf, freshDirectory } from '@rpcplugin/test-support';
import { expect, it } from 'vitest';
import { describeInterop } from '../src/describe-interop.js';
import { bundlePlugin } from '../src/bundle-plugin.js';
import { GoHost, useGoPeer } from '../src/go-peer.js';
import { peers } from '../src/peers.js';

useGoPeer();
const plugin = bundlePlugin();

const cells = [
  { over: 'unix', network: 'unix', flags: [] },
  { over: 'unix, AutoMTLS', network: 'unix', flags: ['-mtls'] },
  { over: 'TCP', network: 'tcp', flags: [] },
  { over: 'TCP, AutoMTLS', network: 'tcp', flags: ['-mtls'] },
];

for (const { over, network, flags } of cells) {
  describeInterop({ peer: peers.goPlugin, role: 'host of a TypeScript plugin', over }, () => {
    /** A host that launches the example plugin at the first question, and the directory of the plugin's socket. */
    async function launch(): Promise<{ host: GoHost; directory: string }> {
      const directory = await freshDirectory();
      return {
        host: new GoHost(plugin, { flags, env: { PLUGIN_TRANSPORTS: network, XDG_RUNTIME_DIR: directory } }),
        directory,
      };
    }

    it('puts and gets values above the default limit of 4 MiB, and gets NOT_FOUND for a missing key', async () => {
      const { host } = await launch();
      expect(await host.ask('put hello world')).toBe('ok');
      expect(await host.ask('get hello')).toBe('world');
      expect(await host.ask(`echo ${5 * 2 ** 20}`)).toBe('true');
      expect(await host.ask('get nothing')).toMatch(/^error: .*code = NotFound desc = no key "nothing"/);
      // go-plugin hosts ask for ports from 10000 to 25000.
      expect(await host.ask('address')).toMatch(network === 'unix' ? / unix \// : / tcp 127\.0\.0\.1:[12]\d{4}$/);
    });

    it('puts 1000 entries in one stream, and lists them in another', async () => {
      const { host } = await launch();
      expect(await host.ask('put-all 1000')).toBe('1000');
      const listed = Array.from({ length: 1000 }, (_, i) => `${i}=${i}`);
      expect((await host.ask('list')).split(' ')).toEqual(listed);
    });

    it('finds the plugin healthy by ping and by the health service', async () => {
      const { host } = await launch();
      expect(await host.ask('ping')).toBe('ok');
      expect(await host.ask('health plugin')).toBe('SERVING');
      expect(await host.ask('health another')).toMatch(/^error: .*code = NotFound/);
    });

    it('stops the plugin gracefully, without leftover files, and tolerates a second kill', async () => {
      const { host, directory } = await launch();
      expect(await host.ask('ping')).toBe('ok');
      expect(await entriesOf(directory)).toHaveLength(network === 'unix' ? 2 : 0);
      expect(await host.ask('kill')).toBe('killed, exit code 0');
      expect(await entriesOf(directory)).toEqual([]);
      expect(await host.ask('kill')).toBe('killed, exit code 0');
      expect(host.log).not.toMatch(/failed to exit gracefully|WARN|ERROR/);
    });

    // go-plugin cannot reattach under AutoMTLS: only the host that launched the plugin has the key.
    if (flags.length > 0) return;
    it('lets another host reattach to the plugin by its address and stop it', async () => {
      const { host: first } = await launch();
      expect(await first.ask('put hello world')).toBe('ok');
      const second = new GoHost((await first.ask('address')).split(' '), { flags: ['-reattach'] });
      expect(await second.ask('get hello')).toBe('world');
      expect(await second.ask('ping')).toBe('ok');
      expect(await second.ask('kill')).toBe('killed');
      expect(second.log).not.toContain('failed to exit gracefully');
      expect(await first.ask('kill')).toBe('killed, exit code 0');
    });
  });
}
