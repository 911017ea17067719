import { describe, expect, it } from 'vitest';
import { MemoryTransport, requirements, transportCases } from '../src/index.js';
import { mutants } from './mutants/index.js';
import { subjectOf } from './mutants/mutant.js';
import { memory } from './subjects.js';

const ids = requirements.map(({ id }) => id);

const failures = mutants.flatMap((mutant) => mutant.fails.map((fails) => ({ ...mutant, fails })));

it('there is a case for every requirement', () => {
  const covered = new Set(transportCases(memory).map(({ requirement }) => requirement));
  expect([...covered].sort()).toEqual([...ids].sort());
});

it('there is a mutant for every case, and so for every requirement', () => {
  const cases = transportCases(subjectOf('', MemoryTransport)).map(({ name }) => name);
  expect([...new Set(failures.map(({ fails }) => fails))].sort()).toEqual(cases.sort());
});

it('no two cases have one name', () => {
  const names = transportCases(memory).map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
});

describe('a transport that', () => {
  it.each(failures)('$mistake fails "$fails"', async ({ mistake, transport, fails, timeoutMs = 1000 }) => {
    const [found] = transportCases(subjectOf(mistake, transport), { timeoutMs }).filter(({ name }) => name === fails);
    const requirement = fails.slice(0, 2);
    await expect(found?.run()).rejects.toMatchObject({
      name: 'ContractError',
      requirement,
      message: expect.stringContaining(
        requirements.find(({ id }) => id === requirement)?.statement ?? 'none',
      ) as string,
    });
  });
});
