import type { Fixture } from '../fixture.js';
import type { RequirementId } from '../requirements.js';
import type { Capability } from '../subject.js';

/** Tests whether a requirement holds. */
export interface CaseDefinition {
  readonly requirement: RequirementId;
  /** What a transport does if the case passes. */
  readonly title: string;
  /** The capabilities that the case needs. Default: none. */
  readonly needs?: readonly Capability[];
  /**
   * Whether it needs an address: several connections to it, or none yet. Such cases are left out for a transport with
   * the capability `peerOf`.
   */
  readonly needsAddress?: boolean;
  run(fixture: Fixture): Promise<void>;
}
