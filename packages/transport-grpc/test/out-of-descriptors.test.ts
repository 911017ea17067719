import { bundle, closed, durationOf, limitDescriptors, loadDuring, startControlled } from '@rpcplugin/test-support';
import type { Child, Usage } from '@rpcplugin/test-support';
import { TransportError } from '@rpcplugin/transport-core';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Command, Reply } from './children/few-descriptors.js';
import { ask } from './service.js';
import { connectTo, insecure, networks, plainConnection, probeClient, startPlugin } from './support.js';

/** What Node and the IPC channel need, and a few more. */
const DESCRIPTORS = 64;
/** The time limit for an immediate call, in milliseconds: generous, for a busy machine. */
const PROMPT_MS = 4000;
/** A time limit that is never reached: longer than a test may take. */
const NEVER_MS = 60_000;

const entry = new URL('children/few-descriptors.ts', import.meta.url);
const program = bundle(entry);

describe.each(networks)('a process out of file descriptors over %s', (network) => {
  let child: Child<Command, Reply>;

  beforeEach(async () => {
    const command = limitDescriptors(DESCRIPTORS, [process.execPath, program, network]);
    child = await startControlled<Command, Reply>(command);
  });

  /** Connects to the child repeatedly. Returns the share of a processor that the child used meanwhile. */
  function loadOf(endpoint: string): Promise<number> {
    return loadDuring(async () => closed(await plainConnection(endpoint)), usage);
  }

  async function usage(): Promise<Usage> {
    const reply = await child.ask({ do: 'usage' });
    return reply.usage ?? { elapsedMs: 0, processorMs: 0 };
  }

  it('keeps serving open channels, and serves new ones after it recovers', async () => {
    const { endpoint = '' } = await child.ask({ do: 'serve' });
    const client = await probeClient(endpoint);
    expect(await ask(client, 'echo', 'before')).toBe('before');
    await child.ask({ do: 'exhaust' });
    await expect(connectTo(endpoint, insecure)).rejects.toBeInstanceOf(TransportError);
    expect(await ask(client, 'echo', 'meanwhile')).toBe('meanwhile');
    expect(await loadOf(endpoint)).toBeLessThan(0.5);
    expect(await ask(client, 'echo', 'still')).toBe('still');
    await child.ask({ do: 'recover' });
    expect(await ask(await probeClient(endpoint), 'echo', 'afterwards')).toBe('afterwards');
    expect(await ask(client, 'echo', 'afterwards')).toBe('afterwards');
    await child.ask({ do: 'close' });
  });

  it('rejects a connect at once, whatever its waitMs, and connects after it recovers', async () => {
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

  it('rejects serveGrpc, and serves with the same transport after it recovers', async () => {
    await child.ask({ do: 'exhaust' });
    expect((await child.ask({ do: 'serve' })).error?.code).toBe('RESOURCE_EXHAUSTED');
    await child.ask({ do: 'recover' });
    const { endpoint = '' } = await child.ask({ do: 'serve' });
    expect(await ask(await probeClient(endpoint), 'echo', 'hello')).toBe('hello');
    await child.ask({ do: 'close' });
  });
});
