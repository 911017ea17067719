import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import type { Server } from 'node:net';
import { agreed } from '@rpcplugin/example-kv/agreed';
import { handshakeEnv } from '@rpcplugin/handshake';
import { closeServer, listening, startProgram } from '@rpcplugin/test-support';
import type { CommandLine } from '@rpcplugin/test-support';
import { expect, it, onTestFinished } from 'vitest';
import { describeInterop } from '../src/describe-interop.js';
import { bundlePlugin } from '../src/bundle-plugin.js';
import { goPeer, useGoPeer } from '../src/go-peer.js';
import { peers } from '../src/peers.js';

useGoPeer();
const examplePlugin = bundlePlugin();

interface Range {
  PLUGIN_MIN_PORT?: string;
  PLUGIN_MAX_PORT?: string;
}

/** The port in the first line that a program prints, or its standard error if it prints none. */
async function printedPort(command: CommandLine, range: Range): Promise<number | string> {
  const host = { ...handshakeEnv(agreed), PLUGIN_MIN_PORT: undefined, PLUGIN_MAX_PORT: undefined };
  const program = startProgram(command, { env: { ...host, PLUGIN_TRANSPORTS: 'tcp', ...range } });
  const stop = (): boolean => program.process.kill('SIGTERM');
  program.printed(/\n/).then(stop, () => undefined);
  const { stdout, stderr } = await program.ended;
  return stdout === '' ? stderr : Number(/127\.0\.0\.1:(\d+)/.exec(stdout)?.[1]);
}

/** A listener on a port; `undefined` if the port is in use. */
async function listenerAt(port: number): Promise<Server | undefined> {
  return listening(createServer(), { host: '127.0.0.1', port }).catch(() => undefined);
}

/**
 * The first of two consecutive ports. This process holds the first `taken` of them until the test ends; the rest are
 * free. Both are outside the range from which the system assigns ports.
 */
async function twoPorts({ taken }: { taken: number }): Promise<number> {
  for (;;) {
    const port = randomInt(20_000, 24_000);
    const listeners = [await listenerAt(port), await listenerAt(port + 1)];
    const bound = listeners.filter((listener) => listener !== undefined);
    const held = bound.length === 2 ? bound.slice(0, taken) : [];
    onTestFinished(async () => {
      await Promise.all(held.map(closeServer));
    });
    await Promise.all(bound.filter((listener) => !held.includes(listener)).map(closeServer));
    if (bound.length === 2) return port;
  }
}

/** The ports of go-plugin and the example plugin with this range, or their error output. */
async function ports(range: Range): Promise<{ go: number | string; plugin: number | string }> {
  return { go: await printedPort([goPeer, 'ports'], range), plugin: await printedPort(examplePlugin, range) };
}

// go-plugin plugins listen on TCP only on Windows. The Go program calls the function that they use there,
// `serverListener_tcp` in go-plugin's server.go, in the same environment as the example plugin.
describeInterop(
  { peer: peers.goPlugin, role: 'plugin compared with a TypeScript plugin', over: 'TCP, range of ports' },
  () => {
    it.each<Range>([
      {},
      { PLUGIN_MIN_PORT: '', PLUGIN_MAX_PORT: '' },
      { PLUGIN_MIN_PORT: '0', PLUGIN_MAX_PORT: '0' },
      // The range starts at 0, and port 0 is always free.
      { PLUGIN_MAX_PORT: '20000' },
    ])('both use a port that the system chooses: %j', async (range) => {
      const { go, plugin } = await ports(range);
      expect(go).toBeGreaterThan(20_000);
      expect(plugin).toBeGreaterThan(20_000);
    });

    it('both use the port of a one-port range', async () => {
      const port = await twoPorts({ taken: 0 });
      const only = String(port);
      expect(await ports({ PLUGIN_MIN_PORT: only, PLUGIN_MAX_PORT: only })).toEqual({ go: port, plugin: port });
    });

    it.each([0, 1])('both use the first free port of the range, after %d in use', async (taken) => {
      const port = await twoPorts({ taken });
      const range = { PLUGIN_MIN_PORT: String(port), PLUGIN_MAX_PORT: String(port + 1) };
      expect(await ports(range)).toEqual({ go: port + taken, plugin: port + taken });
    });

    it('both fail if all ports of the range are in use', async () => {
      const port = await twoPorts({ taken: 2 });
      const { go, plugin } = await ports({ PLUGIN_MIN_PORT: String(port), PLUGIN_MAX_PORT: String(port + 1) });
      expect(go).toContain("Couldn't bind plugin TCP listener");
      expect(plugin).toContain('ADDRESS_IN_USE');
    });

    it.each<Range>([{ PLUGIN_MIN_PORT: '20001', PLUGIN_MAX_PORT: '20000' }, { PLUGIN_MIN_PORT: '20001' }])(
      'both reject an inverted range: %j',
      async (range) => {
        const { go, plugin } = await ports(range);
        expect(go).toContain(`value of 20001 is greater than PLUGIN_MAX_PORT value of ${range.PLUGIN_MAX_PORT ?? '0'}`);
        expect(plugin).toContain(
          range.PLUGIN_MAX_PORT === undefined
            ? 'Set PLUGIN_MAX_PORT, too.'
            : `It is above PLUGIN_MAX_PORT, ${range.PLUGIN_MAX_PORT}`,
        );
      },
    );

    it('both reject a range whose limit is not a number', async () => {
      const { go, plugin } = await ports({ PLUGIN_MIN_PORT: 'x', PLUGIN_MAX_PORT: '20000' });
      expect(go).toContain("Couldn't get value from PLUGIN_MIN_PORT");
      expect(plugin).toContain('PLUGIN_MIN_PORT cannot be "x"');
    });
  },
);
