import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import type { Server } from 'node:net';
import { closeServer, listening, startProgram } from '@rpcplugin/test-support';
import type { CommandLine } from '@rpcplugin/test-support';
import { expect, it, onTestFinished } from 'vitest';
import { describeInterop } from '../src/describe-interop.js';
import { bundleExamplePlugin } from '../src/example-plugin.js';
import { goPeer, useGoPeer } from '../src/go-peer.js';
import { peers } from '../src/peers.js';

useGoPeer();
const examplePlugin = await bundleExamplePlugin();

interface Range {
  PLUGIN_MIN_PORT?: string;
  PLUGIN_MAX_PORT?: string;
}

/** The port at the end of the first line that a program prints, and what it prints on standard error if there is no such line. */
async function printedPort(command: CommandLine, range: Range): Promise<number | string> {
  const unset = { PLUGIN_MIN_PORT: undefined, PLUGIN_MAX_PORT: undefined };
  const program = startProgram(command, { env: { ...unset, KV_NETWORKS: 'tcp', ...range } });
  const stop = (): boolean => program.process.kill('SIGTERM');
  program.printed(/\n/).then(stop, () => undefined);
  const { stdout, stderr } = await program.ended;
  return stdout === '' ? stderr : Number(/127\.0\.0\.1:(\d+)/.exec(stdout)?.[1]);
}

/** A listener at a port; `undefined` if it is taken. */
async function listenerAt(port: number): Promise<Server | undefined> {
  return listening(createServer(), { host: '127.0.0.1', port }).catch(() => undefined);
}

/**
 * The first of two ports in a row, of which the first few are taken by this process until the test is over, and nobody has the others.
 * They are not of those that the system gives to whoever asks for any.
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

/** Where go-plugin and the example plugin listen with this range of ports, or what they say if they do not. */
async function ports(range: Range): Promise<{ go: number | string; plugin: number | string }> {
  return { go: await printedPort([goPeer, 'ports'], range), plugin: await printedPort(examplePlugin, range) };
}

// A go-plugin plugin listens on TCP on Windows alone. Here the function that does it there, `serverListener_tcp` in its server.go, is
// called as it stands, in the same environment as the example plugin.
describeInterop(
  { peer: peers.goPlugin, role: 'plugin beside a TypeScript plugin', over: 'TCP, range of ports' },
  () => {
    it.each<Range>([
      {},
      { PLUGIN_MIN_PORT: '', PLUGIN_MAX_PORT: '' },
      { PLUGIN_MIN_PORT: '0', PLUGIN_MAX_PORT: '0' },
      // A range that begins with 0, which is always free.
      { PLUGIN_MAX_PORT: '20000' },
    ])('the system chooses the port without a range: %j', async (range) => {
      const { go, plugin } = await ports(range);
      expect(go).toBeGreaterThan(20_000);
      expect(plugin).toBeGreaterThan(20_000);
    });

    it('the port is the one that is both the first and the last', async () => {
      const port = await twoPorts({ taken: 0 });
      const only = String(port);
      expect(await ports({ PLUGIN_MIN_PORT: only, PLUGIN_MAX_PORT: only })).toEqual({ go: port, plugin: port });
    });

    it.each([0, 1])('the port is the first free one of the range, after %d that are in use', async (taken) => {
      const port = await twoPorts({ taken });
      const range = { PLUGIN_MIN_PORT: String(port), PLUGIN_MAX_PORT: String(port + 1) };
      expect(await ports(range)).toEqual({ go: port + taken, plugin: port + taken });
    });

    it('none listens if all ports of the range are in use', async () => {
      const port = await twoPorts({ taken: 2 });
      const { go, plugin } = await ports({ PLUGIN_MIN_PORT: String(port), PLUGIN_MAX_PORT: String(port + 1) });
      expect(go).toContain("Couldn't bind plugin TCP listener");
      expect(plugin).toContain('ADDRESS_IN_USE');
    });

    it.each<Range>([{ PLUGIN_MIN_PORT: '20001', PLUGIN_MAX_PORT: '20000' }, { PLUGIN_MIN_PORT: '20001' }])(
      'none listens in an inverted range: %j',
      async (range) => {
        const { go, plugin } = await ports(range);
        expect(go).toContain(`value of 20001 is greater than PLUGIN_MAX_PORT value of ${range.PLUGIN_MAX_PORT ?? '0'}`);
        expect(plugin).toContain(`It is above PLUGIN_MAX_PORT, ${range.PLUGIN_MAX_PORT ?? '0'}`);
      },
    );

    it('none listens if an end of the range is not a number', async () => {
      const { go, plugin } = await ports({ PLUGIN_MIN_PORT: 'x', PLUGIN_MAX_PORT: '20000' });
      expect(go).toContain("Couldn't get value from PLUGIN_MIN_PORT");
      expect(plugin).toContain('PLUGIN_MIN_PORT cannot be "x"');
    });
  },
);
