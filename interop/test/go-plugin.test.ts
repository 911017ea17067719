import { X509Certificate } from 'node:crypto';
import { status } from '@grpc/grpc-js';
import type { ServiceError } from '@grpc/grpc-js';
import { launchPlugin } from '@rpcplugin/example-kv/host';
import type { Plugin } from '@rpcplugin/example-kv/host';
import { KV } from '@rpcplugin/example-kv/protos';
import { entriesOf, freshDirectory, settlesWithin } from '@rpcplugin/test-support';
import { expect, it, onTestFinished } from 'vitest';
import { describeInterop } from '../src/describe-interop.js';
import { goPeer, useGoPeer } from '../src/go-peer.js';
import { peers } from '../src/peers.js';
import { get, list, put, putAll, unended } from './kv-calls.js';
import type { Entry } from './kv-calls.js';

useGoPeer();

type KvClient = InstanceType<typeof KV>;

/** Asks the health service, with hand-written messages. The only field of the answer is the status. */
const health = (client: KvClient, service: string): Promise<Buffer | undefined> =>
  new Promise((resolve, reject) => {
    const request = Buffer.from(`\n${String.fromCharCode(service.length)}${service}`);
    const asIs = (bytes: Buffer): Buffer => bytes;
    client.makeUnaryRequest('/grpc.health.v1.Health/Check', asIs, asIs, request, (error, answer) => {
      if (error !== null) reject(error);
      else resolve(answer);
    });
  });
const SERVING = Buffer.from([8, 1]);

/** The status of a call. */
const statusOf = (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => 'OK',
    (error: unknown) => status[(error as ServiceError).code],
  );

for (const { over, autoMtls } of [
  { over: 'unix', autoMtls: false },
  { over: 'unix, AutoMTLS', autoMtls: true },
]) {
  describeInterop({ peer: peers.goPlugin, role: 'plugin of a TypeScript host', over }, () => {
    /** The plugin, a client of its service, and the directory of its socket. */
    async function launch(): Promise<{ plugin: Plugin; client: KvClient; directory: string }> {
      const directory = await freshDirectory();
      const signal = AbortSignal.timeout(20_000);
      const plugin = await launchPlugin(goPeer, ['plugin'], { env: { TMPDIR: directory }, autoMtls, signal });
      onTestFinished(async () => {
        plugin.process?.kill('SIGKILL');
        await plugin.connection.close();
      });
      return { plugin, client: plugin.connection.client(KV), directory };
    }

    it('prints a handshake line that the host understands', async () => {
      const { plugin, directory } = await launch();
      const { appVersion, network, endpoint, protocol, certificate, multiplexing } = plugin.running;
      expect({ appVersion, network, protocol }).toEqual({ appVersion: 1, network: 'unix', protocol: 'grpc' });
      expect(endpoint.startsWith(`unix:${directory}/`)).toBe(true);
      expect(certificate && new X509Certificate(certificate).checkHost('localhost')).toBe(
        autoMtls ? 'localhost' : undefined,
      );
      // go-plugin 1.0.1 knows nothing of it.
      expect(multiplexing).toBe(undefined);
    });

    it('stores values above the default limit of 4 MiB, and answers NOT_FOUND for a missing key', async () => {
      const { client } = await launch();
      await put(client, { key: 'hello', value: Buffer.from('world') });
      expect(String(await get(client, 'hello'))).toBe('world');
      const large = Buffer.alloc(5 * 2 ** 20, 1);
      await put(client, { key: 'large', value: large });
      expect((await get(client, 'large')).equals(large)).toBe(true);
      expect(await statusOf(get(client, 'nothing'))).toBe('NOT_FOUND');
    });

    it('stores 1000 entries from one stream, and lists them in another', async () => {
      const { client } = await launch();
      const entries = Array.from({ length: 1000 }, (_, i): Entry => ({ key: `${i}`, value: Buffer.from(`${i}`) }));
      expect(await putAll(client, entries)).toBe(1000);
      expect(await list(client)).toEqual(entries);
    });

    it('answers health checks', async () => {
      const { client } = await launch();
      expect(await health(client, 'plugin')).toEqual(SERVING);
      expect(await statusOf(health(client, 'another'))).toBe('NOT_FOUND');
    });

    it('stops gracefully, without leftover files, and tolerates a second stop', async () => {
      const { plugin, directory } = await launch();
      expect(await entriesOf(directory)).toHaveLength(1);
      expect(await plugin.stop()).toBe(0);
      expect(await entriesOf(directory)).toEqual([]);
      expect(await plugin.stop()).toBe(0);
    });

    it('fails pending calls promptly with UNAVAILABLE when it is killed', async () => {
      const { plugin, client } = await launch();
      const entry = { key: 'a', value: Buffer.from('a') };
      const ended = Promise.all(Array.from({ length: 10 }, () => statusOf(putAll(client, unended(entry)))));
      // Once this is answered, the calls sent before it are pending in the plugin.
      await put(client, { key: 'hello', value: Buffer.from('world') });
      plugin.process?.kill('SIGKILL');
      expect(await settlesWithin(5000, ended)).toBe(true);
      expect(new Set(await ended)).toEqual(new Set(['UNAVAILABLE']));
      expect(await statusOf(get(client, 'hello'))).toBe('UNAVAILABLE');
      expect(await plugin.stop()).toBe(null);
    });
  });
}
