import { describe, it } from 'vitest';
import { transportCases } from './cases.js';
import type { CaseOptions } from './cases.js';
import type { TransportSubject } from './subject.js';

/** Tests a transport against the contract: one vitest test per case. */
export function describeTransport(subject: TransportSubject, options?: CaseOptions): void {
  describe('transport contract', () => {
    for (const { name, run } of transportCases(subject, options)) it(name, { timeout: TEST_TIMEOUT_MS }, run);
  });
}

/** The kit has its own time limit, whose error says more. */
const TEST_TIMEOUT_MS = 2 ** 31 - 1;
