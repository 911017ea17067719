import { describe, expect, it } from 'vitest';
import { MemoryTransport, requirements, transportCases } from '../src/index.js';
import type { TransportSubject } from '../src/index.js';
import { durationOf } from '../src/waiting.js';
import { mutants } from './mutants/index.js';
import { subjectOf } from './mutants/mutant.js';
import type { Mistake } from './mutants/mutant.js';
import { oneConnectionMutants } from './mutants/one-connection.js';
import { oneConnection, oneConnectionSubject } from './one-connection.js';
import { memory } from './subjects.js';

/** What a case finds that does not finish. */
const UNFINISHED = /it did not finish within/;

const ids = requirements.map(({ id }) => id);

type Finding = Mistake & { readonly subject: TransportSubject; readonly by: string };
const mistakes = [
  ...mutants.map((mutant) => ({ ...mutant, subject: subjectOf(mutant.mistake, mutant.transport) })),
  ...oneConnectionMutants.map((mutant) => ({ ...mutant, subject: oneConnectionSubject(mutant.end) })),
];
const findings = (how: 'fails' | 'hangs'): Finding[] =>
  mistakes.flatMap((mutant) => (mutant[how] ?? []).map((by) => ({ ...mutant, by })));
/** All cases, whatever the kind of transport. */
const allCases = [...transportCases(subjectOf('', MemoryTransport)), ...transportCases(oneConnection)];
const failures = findings('fails');
const hangs = findings('hangs');

it('every requirement has a case', () => {
  const covered = new Set(
    [memory, oneConnection].flatMap((subject) => transportCases(subject)).map(({ requirement }) => requirement),
  );
  expect([...covered].sort()).toEqual([...ids].sort());
});

it('every case has a mutant that fails it', () => {
  const cases = new Set(allCases.map(({ name }) => name));
  expect([...new Set([...failures, ...hangs].map(({ by }) => by))].sort()).toEqual([...cases].sort());
});

it('every case has a unique name', () => {
  const names = transportCases(memory).map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
});

function runCase(subject: TransportSubject, name: string, timeoutMs?: number): Promise<void> | undefined {
  return transportCases(subject, { timeoutMs })
    .find((each) => each.name === name)
    ?.run();
}

async function expectFailure({ subject, by, finds = /^/ }: Finding, timeoutMs?: number): Promise<void> {
  const running = runCase(subject, by, timeoutMs);
  const requirement = by.slice(0, 2);
  await expect(running).rejects.toMatchObject({
    name: 'ContractError',
    requirement,
    message: expect.stringContaining(requirements.find(({ id }) => id === requirement)?.statement ?? 'none') as string,
  });
  await expect(running).rejects.toThrow(finds);
  if (timeoutMs === undefined) await expect(running).rejects.not.toThrow(UNFINISHED);
}

/** Expects that a case takes much longer with a mutant than with a transport that keeps the contract. */
async function expectHang(hang: Finding): Promise<void> {
  const usualMs = await durationOf(async () => runCase(subjectOf('', MemoryTransport), hang.by));
  await expectFailure({ ...hang, finds: UNFINISHED }, 100 + 5 * usualMs);
}

describe('a transport that', () => {
  it.each(failures.filter(({ isSlow }) => !isSlow))('$mistake fails "$by"', (failure) => expectFailure(failure));
  it.each(hangs)('$mistake hangs "$by"', expectHang);
});

describe.concurrent('a transport that', () => {
  it.each(failures.filter(({ isSlow }) => isSlow))('$mistake fails "$by"', (failure) => expectFailure(failure));
});
