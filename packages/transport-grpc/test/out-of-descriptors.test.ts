// What gRPC does in a process without descriptors left, and that it works again when it has some.
import { TransportError } from '@rpcplugin/transport-core';
import { beforeEach, describe, expect, it } from 'vitest';
import { connectGrpc } from '../src/index.js';
import type { Command, Reply } from './children/limited.js';
import { ask } from './service.js';
import {
  closed,
  durationOf,
  insecure,
  networks,
  plainConnection,
  probeClient,
  startLimitedChild,
  startPlugin,
  until,
} from './support.js';

/** What Node and the channel to the parent need, and some more. */
const DESCRIPTORS = 64;
/** How long a call may take that is to be immediate, on a machine with other things to do. */
const PROMPT_MS = 4000;
/** A limit that is not to be reached: longer than a test may take. */
const NEVER_MS = 60_000;

describe.each(networks)('a process out of descriptors, over %s', (network) => {
  let request: (command: Command) => Promise<Reply>;

  beforeEach(async () => {
    const child = await startLimitedChild('limited.ts', [network], DESCRIPTORS);
    await child.message();
    request = async (command) => {
      child.process.send(command);
      return (await child.message()) as Reply;
    };
  });

  /** Connects to it again and again for some time, and returns how much of a processor it used meanwhile. */
  async function loadOf(endpoint: string): Promise<number> {
    const before = await usage();
    await until(async () => {
      await closed(await plainConnection(endpoint));
      return (await usage()).elapsedMs - before.elapsedMs > 500;
    });
    const after = await usage();
    return (after.processorMs - before.processorMs) / (after.elapsedMs - before.elapsedMs);
  }

  async function usage(): Promise<NonNullable<Reply['usage']>> {
    const reply = await request({ do: 'usage' });
    return reply.usage ?? { elapsedMs: 0, processorMs: 0 };
  }

  it('goes on to serve the channels that it has, and serves new ones afterwards', async () => {
    const { endpoint = '' } = await request({ do: 'serve' });
    const client = await probeClient(endpoint);
    expect(await ask(client, 'echo', 'before')).toBe('before');
    await request({ do: 'exhaust' });
    await expect(connectGrpc(endpoint, insecure)).rejects.toBeInstanceOf(TransportError);
    expect(await ask(client, 'echo', 'meanwhile')).toBe('meanwhile');
    expect(await loadOf(endpoint)).toBeLessThan(0.5);
    expect(await ask(client, 'echo', 'still')).toBe('still');
    await request({ do: 'recover' });
    expect(await ask(await probeClient(endpoint), 'echo', 'afterwards')).toBe('afterwards');
    expect(await ask(client, 'echo', 'afterwards')).toBe('afterwards');
    await request({ do: 'close' });
  });

  it('rejects to connect at once, however long it may wait, and connects afterwards', async () => {
    const { endpoint } = await startPlugin(network);
    const targets = network === 'tcp' ? [endpoint, endpoint.replace('127.0.0.1', 'localhost')] : [endpoint];
    await request({ do: 'exhaust' });
    for (const target of targets) {
      for (const waitMs of [0, NEVER_MS]) {
        const connecting = request({ do: 'connect', target, options: { waitMs, timeoutMs: NEVER_MS } });
        expect(await durationOf(() => connecting)).toBeLessThan(PROMPT_MS);
        expect((await connecting).error).toMatchObject({
          code: 'RESOURCE_EXHAUSTED',
          hint: expect.stringContaining('ulimit -n') as string,
        });
      }
    }
    await request({ do: 'recover' });
    for (const target of targets) expect(await request({ do: 'connect', target })).toEqual({ answer: 'hello' });
  });

  it('rejects to serve, and serves with the same transport afterwards', async () => {
    await request({ do: 'exhaust' });
    expect((await request({ do: 'serve' })).error?.code).toBe('RESOURCE_EXHAUSTED');
    await request({ do: 'recover' });
    const { endpoint = '' } = await request({ do: 'serve' });
    expect(await ask(await probeClient(endpoint), 'echo', 'hello')).toBe('hello');
    await request({ do: 'close' });
  });
});
