import { Metadata, status } from '@grpc/grpc-js';
import type { ChannelCredentials } from '@grpc/grpc-js';
import { codeOf, durationOf, openDescriptors, sharedDirectory, startChild, until } from '@rpcplugin/test-support';
import type { Child } from '@rpcplugin/test-support';
import { describe, expect, it } from 'vitest';
import { clientTls, makeIdentity } from './certificates.js';
import { ask, call, Probe, requestsWithoutEnd } from './service.js';
import type { ProbeClient } from './service.js';
import { connected, listenEndpoint, insecure, networks, noSocketsLeft, PROMPT_MS, childCommand } from './support.js';

const directories = [sharedDirectory(), sharedDirectory()] as const;
const [plugin, host] = await Promise.all([
  makeIdentity(directories[0], 'localhost'),
  makeIdentity(directories[1], 'localhost'),
]);
const mutual = { credentials: clientTls(plugin, host), directories };

/**
 * Calls of every kind. Each goes on until it fails, with what it then rejects with, and tells when it is in the middle.
 */
const calls: Record<string, (client: ProbeClient, underWay: () => void) => Promise<unknown>> = {
  'calls one after another': async (client, underWay) => {
    for (;;) {
      await call(client, 'echo', 'small');
      underWay();
    }
  },
  'a call without an answer': (client, underWay) => {
    const answer = call(client, 'hang');
    // What arrives after it has been answered.
    call(client, 'echo').then(underWay, () => undefined);
    return answer;
  },
  'large calls': async (client, underWay) => {
    const message = Buffer.alloc(2 ** 20);
    for (;;) {
      await call(client, 'echo', message);
      underWay();
    }
  },
  'requests without end': requestsWithoutEnd,
  'answers that are not read': (client, underWay) =>
    new Promise((_resolve, reject) => {
      const parts = Buffer.from(
        Array<string>(32)
          .fill('x'.repeat(2 ** 16))
          .join(','),
      );
      const answers = client.split(parts, new Metadata(), {});
      answers.once('data', () => {
        answers.pause();
        underWay();
      });
      answers.on('error', reject);
    }),
  'a chat': (client, underWay) =>
    new Promise((_resolve, reject) => {
      const part = Buffer.alloc(2 ** 16);
      const chat = client.chat(new Metadata(), {});
      chat.on('data', () => {
        underWay();
        chat.write(part);
      });
      chat.on('error', reject);
      chat.write(part);
    }),
};

describe.each(networks)('a plugin over %s that is killed', (network) => {
  describe.each(['without TLS', 'with mutual TLS'])('%s', (security) => {
    const secured = security !== 'without TLS';

    const start = async (at?: string): Promise<{ plugin: Child; endpoint: string }> => {
      const address = at ?? (await listenEndpoint(network));
      const plugin = startChild(childCommand('plugin.ts', 'serve', address, ...(secured ? mutual.directories : [])));
      return { plugin, endpoint: String(await plugin.message()) };
    };
    const credentials = (): ChannelCredentials => (secured ? mutual.credentials : insecure);

    it('ends calls of every kind as UNAVAILABLE, promptly, and leaves nothing', async () => {
      const before = openDescriptors();
      const { plugin, endpoint } = await start();
      const connection = await connected(endpoint, credentials());
      const client = connection.client(Probe);
      const underWay = new Set<number>();
      let begun = 0;
      const outcomes = Object.entries(calls).flatMap(([name, make]) =>
        Array.from({ length: name === 'a call without an answer' ? 100 : 2 }, async () => {
          const id = begun++;
          return [name, await codeOf(make(client, () => underWay.add(id)))];
        }),
      );
      await until(() => underWay.size === begun);
      const killed = performance.now();
      plugin.process.kill('SIGKILL');
      // Some that begin before this process can have noticed.
      for (let i = 0; i < 10; i++) outcomes.push(codeOf(call(client, 'hang')).then((code) => ['afterwards', code]));
      const endings = await Promise.all(outcomes);
      expect(performance.now() - killed).toBeLessThan(PROMPT_MS);
      expect(endings.filter(([, code]) => code !== status.UNAVAILABLE)).toEqual([]);
      connection.close();
      await plugin.ended;
      await noSocketsLeft(before);
    });

    it('ends the calls of a host that writes to it as it dies', async () => {
      const { plugin, endpoint } = await start();
      const identities = secured ? mutual.directories : [];
      const host = startChild(childCommand('bereaved.ts', endpoint, String(plugin.process.pid), ...identities));
      expect(await host.ended).toMatchObject({ status: 0, stderr: '' });
    });

    // Again, should the machine be too busy for the figure.
    it('is called on the same channel as soon as it has been started again', { retry: 2 }, async () => {
      const first = await start();
      const client = (await connected(first.endpoint, credentials())).client(Probe);
      await ask(client, 'echo');
      await first.plugin.kill();
      const failing = codeOf(call(client, 'echo'));
      expect(await durationOf(() => failing)).toBeLessThan(PROMPT_MS);
      expect(await failing).toBe(status.UNAVAILABLE);

      // A call that waits for the plugin, made before that is there.
      const metadata = new Metadata({ waitForReady: true });
      const answer = ask(client, 'echo', 'again', { metadata, deadline: Date.now() + 20_000 });
      const answered = answer.then(() => performance.now());
      await start(first.endpoint);
      const listening = performance.now();
      expect(await answer).toBe('again');
      expect((await answered) - listening).toBeLessThan(250);
    });
  });
});
