import { expect, it } from 'vitest';
import type { CloseOptions } from '@rpcplugin/transport-core';
import { ContractError, MemoryTransport, requirements, transportCases } from '../src/index.js';
import type { TransportCase, TransportSubject } from '../src/index.js';

const TITLE = 'L1 the address accepts connections at once';

function caseOf(subject: TransportSubject, timeoutMs?: number): TransportCase {
  const found = transportCases(subject, { timeoutMs }).find(({ name }) => name === TITLE);
  if (found === undefined) throw new Error('there is no such case');
  return found;
}

function timers(): number {
  return process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
}

it('a failure says which requirement does not hold, and what the case found', async () => {
  const reason = new Error('out of paper');
  const { run, requirement } = caseOf({ create: () => Promise.reject(reason) });
  const error = await run().catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(ContractError);
  const { message, cause } = error as ContractError;
  expect({ requirement, cause }).toEqual({ requirement: 'L1', cause: reason });
  expect(message).toContain(`L1 does not hold: ${requirements[0].statement}`);
  expect(message).toContain('"the address accepts connections at once" found: out of paper');
});

it('what is thrown and is no error is found, too', async () => {
  const run = caseOf({
    create: () => {
      const nothing: unknown = 'nothing';
      throw nothing;
    },
  }).run();
  await expect(run).rejects.toThrow('found: nothing');
});

it('what needs a capability has no case without it', () => {
  const needing = requirements.filter((requirement) => 'capability' in requirement).map(({ id }) => id);
  const ids = transportCases({ create: () => new MemoryTransport() }).map(({ requirement }) => requirement);
  expect(needing.filter((id) => ids.includes(id))).toEqual([]);
});

it('a case that is over leaves no timer', async () => {
  const before = timers();
  await caseOf({ create: () => new MemoryTransport() }).run();
  expect(timers()).toBe(before);
});

it('whatever comes of a case, its transports are closed without a grace, and then the subject cleans up', async () => {
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

it('what is wrong with cleaning up is not hidden', async () => {
  const capabilities = { cleanUp: () => Promise.reject(new Error('still in use')) };
  await expect(caseOf({ create: () => new MemoryTransport(), capabilities }).run()).rejects.toThrow('still in use');
});

it.each([
  ['an error that is none of its own', Object.assign(new Error('plain'), { code: 'CLOSED' }), 'something else'],
  ['no error at all', undefined, 'it rejected with something else: undefined'],
])('%s in place of a TransportError is found', async (_what, reason, found) => {
  class Failing extends MemoryTransport {
    override listen(): Promise<never> {
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- it is what the case is to find
      return Promise.reject(reason);
    }
  }
  const [aborted] = transportCases({ create: () => new Failing() }).filter(({ name }) =>
    name.startsWith('L6 a signal aborted beforehand'),
  );
  await expect(aborted?.run()).rejects.toThrow(found);
});
