import { join } from 'node:path';
import { Metadata, status } from '@grpc/grpc-js';
import type { ChannelCredentials } from '@grpc/grpc-js';
import {
  codeOf,
  durationOf,
  freshDirectory,
  openDescriptors,
  sharedDirectory,
  standStill,
  startChild,
  until,
} from '@rpcplugin/test-support';
import type { Child } from '@rpcplugin/test-support';
import { describe, expect, it, onTestFinished } from 'vitest';
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

/** Calls of every kind. Each calls `underWay` once it is in progress, and rejects when it fails. */
const calls: Record<string, (client: ProbeClient, underWay: () => void) => Promise<unknown>> = {
  'consecutive calls': async (client, underWay) => {
    for (;;) {
      await call(client, 'echo', 'small');
      underWay();
    }
  },
  'an unanswered call': (client, underWay) => {
    const answer = call(client, 'hang');
    // The server answers this call after the other one has arrived.
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
  'endless requests': requestsWithoutEnd,
  'unread responses': (client, underWay) =>
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

// A unix socket has what the peer sent before it left. TCP may lose that.
it('a plugin that leaves as soon as it has answered, under TLS, does not take its answers with it', async () => {
  const path = join(await freshDirectory(), 'p.sock');
  const plugin = startChild(childCommand('answers-and-leaves.ts', path, ...mutual.directories));
  const endpoint = String(await plugin.message());
  const delays = Array.from({ length: 30 }, (_, index) => String(20 * index));
  const connections = await Promise.all(delays.map(() => connected(endpoint, mutual.credentials)));
  // So that answers and ends arrive together, at every moment of a turn of the event loop.
  let standing = setImmediate(function stand() {
    standStill(20);
    standing = setImmediate(stand);
  });
  onTestFinished(() => {
    clearImmediate(standing);
  });
  const answers = connections.map((connection, index) => ask(connection.client(Probe), 'echo', delays[index]));
  expect(await Promise.all(answers.map((answer) => answer.catch(String)))).toEqual(delays);
});

describe.each(networks)('a killed plugin over %s', (network) => {
  describe.each(['without TLS', 'with mutual TLS'])('%s', (security) => {
    const secured = security !== 'without TLS';

    const start = async (at?: string): Promise<{ plugin: Child; endpoint: string }> => {
      const address = at ?? (await listenEndpoint(network));
      const plugin = startChild(childCommand('plugin.ts', 'serve', address, ...(secured ? mutual.directories : [])));
      return { plugin, endpoint: String(await plugin.message()) };
    };
    const credentials = (): ChannelCredentials => (secured ? mutual.credentials : insecure);

    it('ends calls of every kind promptly as UNAVAILABLE, and leaves nothing', async () => {
      const before = openDescriptors();
      const { plugin, endpoint } = await start();
      const connection = await connected(endpoint, credentials());
      const client = connection.client(Probe);
      const underWay = new Set<number>();
      let begun = 0;
      const outcomes = Object.entries(calls).flatMap(([name, make]) =>
        Array.from({ length: name === 'an unanswered call' ? 100 : 2 }, async () => {
          const id = begun++;
          return [name, await codeOf(make(client, () => underWay.add(id)))];
        }),
      );
      await until(() => underWay.size === begun);
      const killed = performance.now();
      plugin.process.kill('SIGKILL');
      // These calls start before this process can notice.
      for (let i = 0; i < 10; i++) outcomes.push(codeOf(call(client, 'hang')).then((code) => ['afterwards', code]));
      const endings = await Promise.all(outcomes);
      expect(performance.now() - killed).toBeLessThan(PROMPT_MS);
      expect(endings.filter(([, code]) => code !== status.UNAVAILABLE)).toEqual([]);
      await connection.close();
      await plugin.ended;
      await noSocketsLeft(before);
    });

    it('ends the calls of a host that writes to it while it dies', async () => {
      const { plugin, endpoint } = await start();
      const identities = secured ? mutual.directories : [];
      const host = startChild(childCommand('kills-plugin.ts', endpoint, String(plugin.process.pid), ...identities));
      expect(await host.ended).toMatchObject({ status: 0, stderr: '' });
    });

    it('is reachable on the same channel as soon as it restarts', async () => {
      const { endpoint, ...first } = await start();
      let { plugin } = first;
      const client = (await connected(endpoint, credentials())).client(Probe);
      await ask(client, 'echo');
      const restart = async (): Promise<number> => {
        await plugin.kill();
        const failing = codeOf(call(client, 'echo'));
        expect(await durationOf(() => failing)).toBeLessThan(PROMPT_MS);
        expect(await failing).toBe(status.UNAVAILABLE);

        // A call that waits for the plugin, made before it restarts.
        const metadata = new Metadata({ waitForReady: true });
        const answer = ask(client, 'echo', 'again', { metadata, deadline: Date.now() + 20_000 });
        const answered = answer.then(() => performance.now());
        ({ plugin } = await start(endpoint));
        const listening = performance.now();
        expect(await answer).toBe('again');
        return (await answered) - listening;
      };
      // On a busy machine a new channel takes its time, too. grpc-js alone would wait for a second.
      const isPrompt = async (): Promise<boolean> => {
        const tookMs = await restart();
        const newMs = await durationOf(async () =>
          ask((await connected(endpoint, credentials())).client(Probe), 'echo'),
        );
        return tookMs < 250 + 5 * newMs;
      };
      // A machine that is held up for a moment only makes it take longer, so the fastest of three counts.
      expect((await isPrompt()) || (await isPrompt()) || (await isPrompt())).toBe(true);
    });
  });
});
