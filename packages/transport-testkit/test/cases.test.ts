import { expect, it, onTestFinished } from 'vitest';
import type { CloseOptions } from '@rpcplugin/transport-core';
import { ContractError, MemoryTransport, requirements, transportCases } from '../src/index.js';
import type { TransportCase, TransportSubject } from '../src/index.js';
import { turns } from '../src/waiting.js';

const TITLE = 'L1 accepts connections as soon as listen resolves';

function caseOf(subject: TransportSubject, timeoutMs?: number): TransportCase {
  const found = transportCases(subject, { timeoutMs }).find(({ name }) => name === TITLE);
  if (found === undefined) throw new Error('there is no such case');
  return found;
}

function timers(): number {
  return process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
}

it('a failing case names its requirement and the cause', async () => {
  const reason = new Error('out of paper');
  const { run, requirement } = caseOf({ create: () => Promise.reject(reason) });
  const error = await run().catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(ContractError);
  const { message, cause } = error as ContractError;
  expect({ requirement, cause }).toEqual({ requirement: 'L1', cause: reason });
  expect(message).toContain(`L1 does not hold: ${requirements[0].statement}`);
  expect(message).toContain('"accepts connections as soon as listen resolves" found: out of paper');
});

it('a failing case reports a thrown value that is not an Error', async () => {
  const run = caseOf({
    create: () => {
      const nothing: unknown = 'nothing';
      throw nothing;
    },
  }).run();
  await expect(run).rejects.toThrow('found: nothing');
});

it('transportCases leaves out cases that need a missing capability', () => {
  const needing = requirements.filter((requirement) => 'capability' in requirement).map(({ id }) => id);
  const ids = transportCases({ create: () => new MemoryTransport() }).map(({ requirement }) => requirement);
  expect(needing.filter((id) => ids.includes(id))).toEqual([]);
});

it('a finished case leaves no timer', async () => {
  const before = timers();
  await caseOf({ create: () => new MemoryTransport() }).run();
  // One that Vitest had before may be over.
  expect(timers()).toBeLessThanOrEqual(before);
});

it('closes its transports with graceMs 0 and then cleans up, whether the case passes or fails', async () => {
  const done: unknown[] = [];
  class Watched extends MemoryTransport {
    override async close(options?: CloseOptions): Promise<void> {
      await super.close(options);
      done.push(options);
    }
  }
  class Hanging extends Watched {
    override connect(): Promise<never> {
      return new Promise(() => undefined);
    }
  }
  for (const Transport of [Watched, Hanging]) {
    const capabilities = { cleanUp: () => void done.push('cleaned up') };
    const running = caseOf({ create: () => new Transport(), capabilities }, 50).run();
    if (Transport === Watched) await running;
    else await expect(running).rejects.toThrow('it did not finish within 50 ms');
    expect(done.splice(0)).toEqual([{ graceMs: 0 }, { graceMs: 0 }, 'cleaned up']);
  }
});

it('a case that fails during a connect leaves no unhandled rejection', async () => {
  const unhandled: unknown[] = [];
  const onUnhandled = (reason: unknown): void => void unhandled.push(reason);
  process.on('unhandledRejection', onUnhandled);
  onTestFinished(() => void process.off('unhandledRejection', onUnhandled));
  const capabilities = { createAt: () => Promise.reject(new Error('the address is gone')) };
  const [late] = transportCases({ create: () => new MemoryTransport(), capabilities }).filter(({ name }) =>
    name.startsWith('C7 '),
  );
  await expect(late?.run()).rejects.toThrow('the address is gone');
  await turns(2);
  expect(unhandled).toEqual([]);
});

it('a case rejects when cleanUp does', async () => {
  const capabilities = { cleanUp: () => Promise.reject(new Error('still in use')) };
  await expect(caseOf({ create: () => new MemoryTransport(), capabilities }).run()).rejects.toThrow('still in use');
});

it.each([
  ['a plain error with a code', Object.assign(new Error('plain'), { code: 'CLOSED' }), 'got Error: plain'],
  ['undefined', undefined, 'expected a TransportError, got undefined'],
])('a case fails if a transport rejects with %s', async (_what, reason, found) => {
  class Failing extends MemoryTransport {
    override listen(): Promise<never> {
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- the mistake that the case must find
      return Promise.reject(reason);
    }
  }
  const [aborted] = transportCases({ create: () => new Failing() }).filter(({ name }) =>
    name.startsWith('L6 rejects listen with ABORTED for an aborted signal'),
  );
  await expect(aborted?.run()).rejects.toThrow(found);
});
