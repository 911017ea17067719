import type { Bench } from '../bench.js';
import type { RequirementId } from '../requirements.js';
import type { Capability } from '../subject.js';

/** One way to see whether a requirement holds. */
export interface CaseDefinition {
  readonly requirement: RequirementId;
  /** What holds when it passes. */
  readonly title: string;
  /** What the transport has to be able to do for it. */
  readonly needs?: readonly Capability[];
  run(bench: Bench): Promise<void>;
}
