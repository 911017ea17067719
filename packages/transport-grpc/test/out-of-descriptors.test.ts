// What gRPC does in a process without descriptors left, and that it works again when it has some.
import { join } from 'node:path';
import {
  bundle,
  closed,
  durationOf,
  limitDescriptors,
  loadDuring,
  sharedDirectory,
  startControlled,
} from '@rpcplugin/test-support';
import type { Child, Usage } from '@rpcplugin/test-support';
import { TransportError } from '@rpcplugin/transport-core';
import { beforeEach, describe, expect, it } from 'vitest';
import { connectGrpc } from '../src/index.js';
import type { Command, Reply } from './children/limited.js';
import { ask } from './service.js';
import { insecure, networks, plainConnection, probeClient, startPlugin } from './support.js';

/** What Node and the channel to the parent need, and some more. */
const DESCRIPTORS = 64;
/** How long a call may take that is to be immediate, on a machine with other things to do. */
const PROMPT_MS = 4000;
/** A limit that is not to be reached: longer than a test may take. */
const NEVER_MS = 60_000;

const program = await bundle(new URL('children/limited.ts', import.meta.url), join(sharedDirectory(), 'limited.mjs'));

describe.each(networks)('a process out of descriptors, over %s', (network) => {
  let child: Child<Command, Reply>;

  beforeEach(async () => {
    const command = limitDescriptors(DESCRIPTORS, [process.execPath, program, network]);
    child = await startControlled<Command, Reply>(command);
  });

  /** Connects to it again and again for some time, and returns how much of a processor it used meanwhile. */
  function loadOf(endpoint: string): Promise<number> {
    return loadDuring(async () => closed(await plainConnection(endpoint)), usage);
  }

  async function usage(): Promise<Usage> {
    const reply = await child.ask({ do: 'usage' });
    return reply.usage ?? { elapsedMs: 0, processorMs: 0 };
  }

  it('goes on to serve the channels that it has, and serves new ones afterwards', async () => {
    const { endpoint = '' } = await child.ask({ do: 'serve' });
    const client = await probeClient(endpoint);
    expect(await ask(client, 'echo', 'before')).toBe('before');
    await child.ask({ do: 'exhaust' });
    await expect(connectGrpc(endpoint, insecure)).rejects.toBeInstanceOf(TransportError);
    expect(await ask(client, 'echo', 'meanwhile')).toBe('meanwhile');
    expect(await loadOf(endpoint)).toBeLessThan(0.5);
    expect(await ask(client, 'echo', 'still')).toBe('still');
    await child.ask({ do: 'recover' });
    expect(await ask(await probeClient(endpoint), 'echo', 'afterwards')).toBe('afterwards');
    expect(await ask(client, 'echo', 'afterwards')).toBe('afterwards');
    await child.ask({ do: 'close' });
  });

  it('rejects to connect at once, however long it may wait, and connects afterwards', async () => {
    const { endpoint } = await startPlugin(network);
    const targets = network === 'tcp' ? [endpoint, endpoint.replace('127.0.0.1', 'localhost')] : [endpoint];
    await child.ask({ do: 'exhaust' });
    for (const target of targets) {
      for (const waitMs of [0, NEVER_MS]) {
        const connecting = child.ask({ do: 'connect', target, options: { waitMs, timeoutMs: NEVER_MS } });
        expect(await durationOf(() => connecting)).toBeLessThan(PROMPT_MS);
        expect((await connecting).error).toMatchObject({
          code: 'RESOURCE_EXHAUSTED',
          hint: expect.stringContaining('ulimit -n') as string,
        });
      }
    }
    await child.ask({ do: 'recover' });
    for (const target of targets) expect(await child.ask({ do: 'connect', target })).toEqual({ answer: 'hello' });
  });

  it('rejects to serve, and serves with the same transport afterwards', async () => {
    await child.ask({ do: 'exhaust' });
    expect((await child.ask({ do: 'serve' })).error?.code).toBe('RESOURCE_EXHAUSTED');
    await child.ask({ do: 'recover' });
    const { endpoint = '' } = await child.ask({ do: 'serve' });
    expect(await ask(await probeClient(endpoint), 'echo', 'hello')).toBe('hello');
    await child.ask({ do: 'close' });
  });
});
