import { existsSync } from 'node:fs';
import { ending, entriesOf, freshDirectory, loadDuring, until } from '@rpcplugin/test-support';
import type { Usage } from '@rpcplugin/test-support';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startWithFewDescriptors } from './few-descriptors.js';
import type { FewDescriptorsChild } from './few-descriptors.js';
import { echo, echoes, Fixture } from './fixture.js';
import { variants } from './variants.js';

const chosen = {
  'TCP IPv4': variants['TCP IPv4'],
  'unix by path': variants['unix by path'],
  'unix by directory': variants['unix by directory'],
  'unix automatic': variants['unix automatic'],
};
/** The time limit for an immediate call, in milliseconds: generous, for a busy machine. */
const PROMPT_MS = 5000;
/** A time limit that is never reached: longer than a test may take. */
const NEVER_MS = 60_000;
/** For processes that `afterAll` kills. */
const ignore = (): void => undefined;
const nothing = { files: [], exitHooks: 0, descriptors: [] };

describe.each(Object.entries(chosen))(
  'a process out of file descriptors, with a transport over %s',
  (name, variant) => {
    let fixture: Fixture;
    let child: FewDescriptorsChild;

    beforeAll(async () => {
      child = await startWithFewDescriptors(name, { whenOver: ignore });
    });
    afterAll(() => child.kill());
    beforeEach(async () => {
      fixture = new Fixture(await variant.open());
      await child.ask({ do: 'create' });
    });
    afterEach(async () => {
      await fixture.end();
      await child.ask({ do: 'recover' });
      await child.ask({ do: 'close' });
      expect(await child.ask({ do: 'leftovers' })).toEqual({ leftovers: nothing });
    });

    async function listening(): Promise<string> {
      const { endpoint } = await child.ask({ do: 'listen' });
      return String(endpoint);
    }

    /** Connects to the child repeatedly. Returns the share of a processor that the child used meanwhile. */
    function loadOf(endpoint: string): Promise<number> {
      return loadDuring(async () => ending((await fixture.dial(endpoint)).resume()), usage);
    }

    async function usage(): Promise<Usage> {
      const reply = await child.ask({ do: 'usage' });
      return reply.usage ?? { elapsedMs: 0, processorMs: 0 };
    }

    it('keeps its connections, closes new ones at little cost, and serves again after it recovers', async () => {
      const endpoint = await listening();
      const connection = await fixture.dial(endpoint);
      expect(await echoes(connection)).toBe(true);
      await child.ask({ do: 'exhaust' });
      expect(await loadOf(endpoint)).toBeLessThan(0.5);
      expect(await echoes(connection)).toBe(true);
      await child.ask({ do: 'recover' });
      expect(await echoes(await fixture.dial(endpoint))).toBe(true);
      expect(await echoes(connection)).toBe(true);
    });

    it('rejects a listen wherever descriptors run out, leaves nothing, and listens after it recovers', async () => {
      let failures = 0;
      for (let leave = 0; ; leave++) {
        await child.ask({ do: 'exhaust', leave });
        const { error, endpoint } = await child.ask({ do: 'listen' });
        await child.ask({ do: 'recover' });
        if (endpoint !== undefined) break;
        failures++;
        expect(error).toMatchObject({
          code: 'RESOURCE_EXHAUSTED',
          hint: expect.stringContaining('ulimit -n') as string,
        });
        expect(await child.ask({ do: 'leftovers' }), `with ${leave} left`).toEqual({ leftovers: nothing });
      }
      expect(failures).toBeGreaterThan(0);
    });

    it('stops listening and closes', async () => {
      const endpoint = await listening();
      const connection = await fixture.dial(endpoint);
      expect(await echoes(connection)).toBe(true);
      const path = endpoint.replace(/^unix:/, '');
      await child.ask({ do: 'exhaust' });
      expect(await child.ask({ do: 'stopListening' })).toEqual({});
      expect(existsSync(path)).toBe(false);
      await expect(fixture.dial(endpoint)).rejects.toThrow();
      expect(await echoes(connection)).toBe(true);
      const ended = ending(connection.resume());
      expect(await child.ask({ do: 'close' })).toEqual({});
      await ended;
    });

    it('closes without stopListening', async () => {
      const endpoint = await listening();
      await child.ask({ do: 'exhaust' });
      expect(await child.ask({ do: 'close' })).toEqual({});
      await expect(fixture.dial(endpoint)).rejects.toThrow();
    });

    it('leaves no file when it exits', async () => {
      const directory = await freshDirectory();
      const other = await startWithFewDescriptors(name, { temporary: directory });
      await other.ask({ do: 'listen' });
      await other.ask({ do: 'exhaust' });
      expect(await other.end({ do: 'exit' })).toMatchObject({ status: 0 });
      // Only the directories of the variant remain, and they are empty.
      const left = (await entriesOf(directory)).filter((path) => path.startsWith('rpc-test-'));
      expect(left.filter((path) => path.includes('/'))).toEqual([]);
    });

    it('rejects a connect at once, whatever its waitMs, and connects after it recovers', async () => {
      const endpoint = await fixture.create().listen({ onConnection: echo });
      await child.ask({ do: 'exhaust' });
      const began = performance.now();
      for (const waitMs of [0, NEVER_MS]) {
        const options = { waitMs, timeoutMs: NEVER_MS };
        const { error } = await child.ask({ do: 'connect', endpoint, options });
        expect(error).toMatchObject({
          code: 'RESOURCE_EXHAUSTED',
          hint: expect.stringContaining('ulimit -n') as string,
        });
      }
      expect(performance.now() - began).toBeLessThan(PROMPT_MS);
      await child.ask({ do: 'recover' });
      expect(await child.ask({ do: 'connect', endpoint })).toEqual({ endpoint });
    });

    it('stops waiting for an endpoint at the next attempt', async () => {
      const endpoint = await fixture.absent(Object.keys(variant.absent)[0] ?? '');
      const connecting = child.ask({ do: 'connect', endpoint, options: { waitMs: NEVER_MS, timeoutMs: NEVER_MS } });
      // By then the first attempt has failed and released its descriptor.
      for (let i = 0; i < 20; i++) await child.ask({ do: 'usage' });
      await child.ask({ do: 'exhaust' });
      // It retries a TCP endpoint at intervals, but a unix socket only when its file appears.
      if (variant.network === 'unix') await fixture.createAt(endpoint).listen();
      // An attempt may have held a descriptor during the first `exhaust`.
      await until(async () => {
        await child.ask({ do: 'exhaust' });
        return Promise.race([connecting.then(() => true), child.ask({ do: 'usage' }).then(() => false)]);
      });
      expect((await connecting).error?.code).toBe('RESOURCE_EXHAUSTED');
    });
  },
);

describe('a process out of file descriptors', () => {
  let child: FewDescriptorsChild;

  beforeAll(async () => {
    child = await startWithFewDescriptors('TCP IPv4', { whenOver: ignore });
  });
  afterAll(() => child.kill());

  it('does not report a host name it cannot look up as unknown', async () => {
    const fixture = new Fixture(await variants['TCP IPv4'].open());
    const endpoint = await fixture.create().listen({ onConnection: echo });
    const byName = endpoint.replace('127.0.0.1', 'localhost');
    await child.ask({ do: 'exhaust' });
    const failures = [
      await child.ask({ do: 'connect', endpoint: byName }),
      await child.ask({ do: 'tcp', options: { host: 'localhost' } }),
    ];
    await child.ask({ do: 'recover' });
    expect(failures.map(({ error }) => error?.code)).toEqual(['RESOURCE_EXHAUSTED', 'RESOURCE_EXHAUSTED']);
    expect(await child.ask({ do: 'connect', endpoint: byName })).toEqual({ endpoint: byName });
    expect((await child.ask({ do: 'tcp', options: { host: 'localhost' } })).error).toBeUndefined();
    const { error } = await child.ask({ do: 'connect', endpoint: 'no-such-host.invalid:1' });
    expect(error?.code).toBe('DNS_FAILURE');
    await fixture.end();
  });

  it('does not report a group it cannot look up as unknown', async () => {
    for (let leave = 0; leave < 3; leave++) {
      await child.ask({ do: 'exhaust', leave });
      const { error } = await child.ask({ do: 'unix', options: { group: 'no-such-group' } });
      await child.ask({ do: 'recover' });
      expect(error?.code, `with ${leave} left`).toBe('RESOURCE_EXHAUSTED');
    }
    const { error } = await child.ask({ do: 'unix', options: { group: 'no-such-group' } });
    expect(error?.code).toBe('INVALID_ARGUMENT');
  });

  it('does not report a stale socket it cannot probe as in use', async () => {
    const place = await variants['unix by path'].open();
    const path = (await place.absent('a stale file')).replace('unix:', '');
    let failures = 0;
    for (let leave = 0; ; leave++) {
      await child.ask({ do: 'exhaust', leave });
      const { error } = await child.ask({ do: 'unix', options: { path } });
      await child.ask({ do: 'recover' });
      if (error === undefined) break;
      failures++;
      expect(error.code, `with ${leave} left`).toBe('RESOURCE_EXHAUSTED');
    }
    expect(failures).toBeGreaterThan(0);
    await place.close();
  });
});
