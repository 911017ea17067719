import { credentials, status } from '@grpc/grpc-js';
import { launchPlugin } from '@rpcplugin/example-kv/host';
import type { Plugin } from '@rpcplugin/example-kv/host';
import { KV } from '@rpcplugin/example-kv/protos';
import { createIdentity } from '@rpcplugin/handshake';
import { anyRejectionOf, until } from '@rpcplugin/test-support';
import { connectGrpc, mutualTls } from '@rpcplugin/transport-grpc';
import { describe, expect, it, onTestFinished } from 'vitest';
import { describeInterop } from '../src/describe-interop.js';
import { peers } from '../src/peers.js';
import { get, list, put, putAll, unended } from './kv-calls.js';
import type { Entry } from './kv-calls.js';
import { networks } from './networks.js';
import { python, pythonEnv } from './python.js';

/** How soon calls must fail after their plugin is killed, in milliseconds, even on a busy machine. */
const PROMPT_MS = 5000;

async function launch(env: NodeJS.ProcessEnv, autoMtls: boolean): Promise<Plugin> {
  const [program, ...args] = python('plugin.py');
  const signal = AbortSignal.timeout(20_000);
  const plugin = await launchPlugin(program, args, { env: { ...(await pythonEnv()), ...env }, signal, autoMtls });
  onTestFinished(async () => {
    await plugin.connection.close();
    plugin.process?.kill('SIGKILL');
  });
  return plugin;
}

/** Whether a call failed because its plugin died. grpc-js does not map a write that fails with EPIPE to UNAVAILABLE. */
function isLoss(error: unknown): boolean {
  if (!(error instanceof Error && 'code' in error)) return false;
  return error.code === status.UNAVAILABLE || error.message.endsWith('write EPIPE');
}

/** Calls that run until they fail. */
const endless: Record<string, (client: InstanceType<typeof KV>, underWay: () => void) => Promise<unknown>> = {
  'sequential calls': async (client, underWay) => {
    for (;;) {
      await get(client, 'key');
      underWay();
    }
  },
  'response streams': async (client, underWay) => {
    for (;;) {
      await list(client);
      underWay();
    }
  },
  'a request stream': (client, underWay) =>
    putAll(
      client,
      (function* () {
        for (;;) {
          yield { key: 'key', value: Buffer.alloc(2 ** 16) };
          underWay();
        }
      })(),
    ),
  'an idle call': (client, underWay) => putAll(client, unended({ key: 'key', value: Buffer.alloc(1) }, underWay)),
};

describe.each(networks)('over $over', ({ over: network, env, available, transport }) => {
  describe.each([
    { over: network, autoMtls: false },
    { over: `${network}, mutual TLS`, autoMtls: true },
  ])('$over', ({ over, autoMtls }) => {
    describeInterop({ peer: peers.python, role: 'plugin of a TypeScript host', over }, () => {
      it.runIf(available)('answers calls of every kind, and exits when it is shut down', async () => {
        const plugin = await launch(env, autoMtls);
        const client = plugin.connection.client(KV);
        // Every byte value, and more than gRPC receives by default.
        const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
        const first: Entry = { key: 'größe', value: Buffer.concat(Array<Buffer>(20_000).fill(bytes)) };
        const more = Array.from({ length: 200 }, (_, i): Entry => ({ key: `${i}`, value: Buffer.alloc(i, `${i}`) }));

        await put(client, first);
        expect((await get(client, first.key)).equals(first.value)).toBe(true);
        await expect(get(client, 'missing')).rejects.toMatchObject({
          code: status.NOT_FOUND,
          details: 'no key "missing"',
        });
        expect(await putAll(client, more)).toBe(more.length);
        const listed = await list(client);
        expect(listed.map(({ key }) => key)).toEqual([first, ...more].map(({ key }) => key));
        expect(
          Buffer.concat(listed.map(({ value }) => value)).equals(
            Buffer.concat([first, ...more].map(({ value }) => value)),
          ),
        ).toBe(true);
        const answers = await Promise.all(more.map(({ key }) => get(client, key)));
        expect(answers).toEqual(more.map(({ value }) => value));

        expect(await plugin.stop()).toBe(0);
      });

      it.runIf(available)('fails pending calls of every kind when it is killed', async () => {
        const plugin = await launch(env, autoMtls);
        const client = plugin.connection.client(KV);
        await put(client, { key: 'key', value: Buffer.alloc(1) });
        const underWay = new Set<string>();
        const endings = Object.entries(endless).map(async ([name, call]) => {
          const error = await anyRejectionOf(call(client, () => underWay.add(name)));
          return isLoss(error) ? 'lost' : `${name}: ${String(error)}`;
        });
        await until(() => underWay.size === endings.length);
        const killed = performance.now();
        plugin.process?.kill('SIGKILL');
        expect(await Promise.all(endings)).toEqual(endings.map(() => 'lost'));
        expect(performance.now() - killed).toBeLessThan(PROMPT_MS);
        expect(await plugin.stop()).toBe(null);
      });

      if (!autoMtls) return;
      it.runIf(available)('refuses unknown hosts', async () => {
        const plugin = await launch(env, autoMtls);
        const { endpoint, certificate } = plugin.running;
        const { channel } = mutualTls(await createIdentity(), certificate);
        for (const stranger of [credentials.createInsecure(), channel]) {
          await expect(connectGrpc(await transport(), endpoint, stranger)).rejects.toMatchObject({
            code: 'IO',
          });
        }
        expect(await plugin.stop()).toBe(0);
      });
    });
  });
});
