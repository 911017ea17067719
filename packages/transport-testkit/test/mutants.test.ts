import { describe, expect, it } from 'vitest';
import { MemoryTransport, requirements, transportCases } from '../src/index.js';
import { mutants } from './mutants/index.js';
import { subjectOf } from './mutants/mutant.js';
import type { Mutant } from './mutants/mutant.js';
import { memory } from './subjects.js';

const ids = requirements.map(({ id }) => id);

type Failure = Omit<Mutant, 'fails'> & { readonly fails: string };
const failures = mutants.flatMap((mutant) => mutant.fails.map((fails): Failure => ({ ...mutant, fails })));

it('every requirement has a case', () => {
  const covered = new Set(transportCases(memory).map(({ requirement }) => requirement));
  expect([...covered].sort()).toEqual([...ids].sort());
});

it('every case has a mutant that fails it', () => {
  const cases = transportCases(subjectOf('', MemoryTransport)).map(({ name }) => name);
  expect([...new Set(failures.map(({ fails }) => fails))].sort()).toEqual(cases.sort());
});

it('every case has a unique name', () => {
  const names = transportCases(memory).map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
});

async function expectFailure({ mistake, transport, fails, finds = /./, timeoutMs }: Failure): Promise<void> {
  const cases = transportCases(subjectOf(mistake, transport), { timeoutMs: timeoutMs ?? 1000 });
  const running = cases.find(({ name }) => name === fails)?.run();
  const requirement = fails.slice(0, 2);
  await expect(running).rejects.toMatchObject({
    name: 'ContractError',
    requirement,
    message: expect.stringContaining(requirements.find(({ id }) => id === requirement)?.statement ?? 'none') as string,
  });
  await expect(running).rejects.toThrow(finds);
}

describe('a transport that', () => {
  it.each(failures.filter(({ timeoutMs }) => timeoutMs === undefined))('$mistake fails "$fails"', expectFailure);
});

describe.concurrent('a transport that', () => {
  it.each(failures.filter(({ timeoutMs }) => timeoutMs !== undefined))('$mistake fails "$fails"', expectFailure);
});
