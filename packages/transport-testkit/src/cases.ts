import { contractCases } from './cases/index.js';
import type { CaseDefinition } from './cases/definition.js';
import { Fixture } from './fixture.js';
import { requirements } from './requirements.js';
import type { RequirementId } from './requirements.js';
import type { Capability, TransportSubject } from './subject.js';

/** A case of the contract, for any test runner. */
export interface TransportCase {
  /** The requirement that the case tests. */
  readonly requirement: RequirementId;
  /** The id of the requirement and the title of the case, which says what holds if it passes. */
  readonly name: string;
  /** Rejects with a {@link ContractError} if the transport does not meet the requirement. */
  readonly run: () => Promise<void>;
}

/** Options of {@link transportCases}. */
export interface CaseOptions {
  /** Time limit for each case, in milliseconds. Default: 30000. */
  timeoutMs?: number | undefined;
}

/** A case failed: the transport does not meet a requirement. */
export class ContractError extends Error {
  /** Always `ContractError`. */
  override readonly name = 'ContractError';
  /** The requirement that does not hold. */
  readonly requirement: RequirementId;

  /** @param cause - What the case found. */
  constructor(requirement: RequirementId, title: string, cause: unknown) {
    const statement = requirements.find(({ id }) => id === requirement)?.statement ?? '';
    const found = cause instanceof Error ? cause.message : String(cause);
    super(`${requirement} does not hold: ${statement}\nThe case "${title}" found: ${found}`, { cause });
    this.requirement = requirement;
  }
}

/** Returns the cases for a transport: all but those that need a capability, or an address, that it lacks. */
export function transportCases(subject: TransportSubject, { timeoutMs = 30_000 }: CaseOptions = {}): TransportCase[] {
  const { capabilities = {} } = subject;
  const has = (capability: Capability): boolean => capabilities[capability] !== undefined;
  return contractCases
    .filter(({ needs = [], needsAddress = false }) => needs.every(has) && !(needsAddress && has('peerOf')))
    .map((definition) => ({
      requirement: definition.requirement,
      name: `${definition.requirement} ${definition.title}`,
      run: () => runCase(definition, subject, timeoutMs),
    }));
}

async function runCase(definition: CaseDefinition, subject: TransportSubject, timeoutMs: number): Promise<void> {
  const fixture = new Fixture(subject);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`it did not finish within ${timeoutMs} ms`));
    }, timeoutMs);
  });
  try {
    await Promise.race([definition.run(fixture), late]);
  } catch (error) {
    throw new ContractError(definition.requirement, definition.title, error);
  } finally {
    clearTimeout(timer);
    await fixture.end();
  }
}
