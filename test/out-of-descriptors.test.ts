// What a process without descriptors left does, and that it works again when it has some.
import { existsSync } from 'node:fs';
import { ending, entriesOf, freshDirectory, loadDuring, until } from '@rpcplugin/test-support';
import type { Usage } from '@rpcplugin/test-support';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Bench, echo, echoes } from './bench.js';
import { startLimited } from './limited.js';
import type { Limited } from './limited.js';
import { variants } from './variants.js';

const chosen = {
  'TCP IPv4': variants['TCP IPv4'],
  'unix by path': variants['unix by path'],
  'unix by directory': variants['unix by directory'],
  'unix automatic': variants['unix automatic'],
};
/** How long a call may take that is to be immediate, on a machine with other things to do. */
const PROMPT_MS = 5000;
/** A limit that is not to be reached: longer than a test may take. */
const NEVER_MS = 60_000;
/** For processes that `afterAll` kills. */
const ignore = (): void => undefined;
const nothing = { files: [], exitHooks: 0, descriptors: [] };

describe.each(Object.entries(chosen))('a process out of descriptors, with a transport over %s', (name, variant) => {
  let bench: Bench;
  let limited: Limited;

  beforeAll(async () => {
    limited = await startLimited(name, { whenOver: ignore });
  });
  afterAll(() => limited.kill());
  beforeEach(async () => {
    bench = new Bench(await variant.open());
    await limited.ask({ do: 'create' });
  });
  afterEach(async () => {
    await bench.end();
    await limited.ask({ do: 'recover' });
    await limited.ask({ do: 'close' });
    expect(await limited.ask({ do: 'leftovers' })).toEqual({ leftovers: nothing });
  });

  async function listening(): Promise<string> {
    const { endpoint } = await limited.ask({ do: 'listen' });
    return String(endpoint);
  }

  /** Connects to it again and again for some time, and returns how much of a processor it used meanwhile. */
  function loadOf(endpoint: string): Promise<number> {
    return loadDuring(async () => ending((await bench.dial(endpoint)).resume()), usage);
  }

  async function usage(): Promise<Usage> {
    const reply = await limited.ask({ do: 'usage' });
    return reply.usage ?? { elapsedMs: 0, processorMs: 0 };
  }

  it('goes on with its connections, closes new ones without any effort, and serves again afterwards', async () => {
    const endpoint = await listening();
    const connection = await bench.dial(endpoint);
    expect(await echoes(connection)).toBe(true);
    await limited.ask({ do: 'exhaust' });
    expect(await loadOf(endpoint)).toBeLessThan(0.5);
    expect(await echoes(connection)).toBe(true);
    await limited.ask({ do: 'recover' });
    expect(await echoes(await bench.dial(endpoint))).toBe(true);
    expect(await echoes(connection)).toBe(true);
  });

  it('rejects to listen whatever it lacks, leaves nothing, and listens with the same transport afterwards', async () => {
    let failures = 0;
    for (let leave = 0; ; leave++) {
      await limited.ask({ do: 'exhaust', leave });
      const { error, endpoint } = await limited.ask({ do: 'listen' });
      await limited.ask({ do: 'recover' });
      if (endpoint !== undefined) break;
      failures++;
      expect(error).toMatchObject({ code: 'RESOURCE_EXHAUSTED', hint: expect.stringContaining('ulimit -n') as string });
      expect(await limited.ask({ do: 'leftovers' }), `with ${leave} left`).toEqual({ leftovers: nothing });
    }
    expect(failures).toBeGreaterThan(0);
  });

  it('stops listening and closes', async () => {
    const endpoint = await listening();
    const connection = await bench.dial(endpoint);
    expect(await echoes(connection)).toBe(true);
    const path = endpoint.replace(/^unix:/, '');
    await limited.ask({ do: 'exhaust' });
    expect(await limited.ask({ do: 'stopListening' })).toEqual({});
    expect(existsSync(path)).toBe(false);
    await expect(bench.dial(endpoint)).rejects.toThrow();
    expect(await echoes(connection)).toBe(true);
    const ended = ending(connection.resume());
    expect(await limited.ask({ do: 'close' })).toEqual({});
    await ended;
  });

  it('closes without having stopped to listen', async () => {
    const endpoint = await listening();
    await limited.ask({ do: 'exhaust' });
    expect(await limited.ask({ do: 'close' })).toEqual({});
    await expect(bench.dial(endpoint)).rejects.toThrow();
  });

  it('leaves no file behind when it exits', async () => {
    const directory = await freshDirectory();
    const other = await startLimited(name, { temporary: directory });
    await other.ask({ do: 'listen' });
    await other.ask({ do: 'exhaust' });
    expect(await other.end({ do: 'exit' })).toMatchObject({ status: 0 });
    // The places of the transports are there still, and nothing is in them.
    const left = (await entriesOf(directory)).filter((path) => path.startsWith('rpc-test-'));
    expect(left.filter((path) => path.includes('/'))).toEqual([]);
  });

  it('rejects to connect, however long it may wait, and connects afterwards', async () => {
    const endpoint = await bench.create().listen({ onConnection: echo });
    await limited.ask({ do: 'exhaust' });
    const began = performance.now();
    for (const waitMs of [0, NEVER_MS]) {
      const options = { waitMs, timeoutMs: NEVER_MS };
      const { error } = await limited.ask({ do: 'connect', endpoint, options });
      expect(error).toMatchObject({ code: 'RESOURCE_EXHAUSTED', hint: expect.stringContaining('ulimit -n') as string });
    }
    expect(performance.now() - began).toBeLessThan(PROMPT_MS);
    await limited.ask({ do: 'recover' });
    expect(await limited.ask({ do: 'connect', endpoint })).toEqual({ endpoint });
  });

  it('gives up an endpoint that it waits for, once it has to try it', async () => {
    const endpoint = await bench.nobody(Object.keys(variant.nobody)[0] ?? '');
    const connecting = limited.ask({ do: 'connect', endpoint, options: { waitMs: NEVER_MS, timeoutMs: NEVER_MS } });
    // By then the first attempt has failed, and given its descriptor back.
    for (let i = 0; i < 20; i++) await limited.ask({ do: 'usage' });
    await limited.ask({ do: 'exhaust' });
    // It tries one that has no file again and again, and one that has a file when that appears.
    if (variant.network === 'unix') await bench.createAt(endpoint).listen();
    // Now and then an attempt holds a descriptor that `exhaust` does not get.
    await until(async () => {
      await limited.ask({ do: 'exhaust' });
      return Promise.race([connecting.then(() => true), limited.ask({ do: 'usage' }).then(() => false)]);
    });
    expect((await connecting).error?.code).toBe('RESOURCE_EXHAUSTED');
  });
});

describe('a process out of descriptors', () => {
  let limited: Limited;

  beforeAll(async () => {
    limited = await startLimited('TCP IPv4', { whenOver: ignore });
  });
  afterAll(() => limited.kill());

  it('does not mistake a host name that it can not look up for one that does not exist', async () => {
    const bench = new Bench(await variants['TCP IPv4'].open());
    const endpoint = await bench.create().listen({ onConnection: echo });
    const byName = endpoint.replace('127.0.0.1', 'localhost');
    await limited.ask({ do: 'exhaust' });
    const failures = [
      await limited.ask({ do: 'connect', endpoint: byName }),
      await limited.ask({ do: 'tcp', options: { host: 'localhost' } }),
    ];
    await limited.ask({ do: 'recover' });
    expect(failures.map(({ error }) => error?.code)).toEqual(['RESOURCE_EXHAUSTED', 'RESOURCE_EXHAUSTED']);
    expect(await limited.ask({ do: 'connect', endpoint: byName })).toEqual({ endpoint: byName });
    expect((await limited.ask({ do: 'tcp', options: { host: 'localhost' } })).error).toBeUndefined();
    const { error } = await limited.ask({ do: 'connect', endpoint: 'no-such-host.invalid:1' });
    expect(error?.code).toBe('DNS_FAILURE');
    await bench.end();
  });

  it('does not mistake a group that it can not look up for one that does not exist', async () => {
    for (let leave = 0; leave < 3; leave++) {
      await limited.ask({ do: 'exhaust', leave });
      const { error } = await limited.ask({ do: 'unix', options: { group: 'no-such-group' } });
      await limited.ask({ do: 'recover' });
      expect(error?.code, `with ${leave} left`).toBe('RESOURCE_EXHAUSTED');
    }
    const { error } = await limited.ask({ do: 'unix', options: { group: 'no-such-group' } });
    expect(error?.code).toBe('INVALID_ARGUMENT');
  });

  it('does not mistake a stale socket that it can not probe for a live one', async () => {
    const place = await variants['unix by path'].open();
    const path = (await place.nobody('a stale file')).replace('unix:', '');
    let failures = 0;
    for (let leave = 0; ; leave++) {
      await limited.ask({ do: 'exhaust', leave });
      const { error } = await limited.ask({ do: 'unix', options: { path } });
      await limited.ask({ do: 'recover' });
      if (error === undefined) break;
      failures++;
      expect(error.code, `with ${leave} left`).toBe('RESOURCE_EXHAUSTED');
    }
    expect(failures).toBeGreaterThan(0);
    await place.close();
  });
});
