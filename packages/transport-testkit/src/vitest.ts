import { describe, it } from 'vitest';
import { transportCases } from './cases.js';
import type { CaseOptions } from './cases.js';
import type { TransportSubject } from './subject.js';

/** Puts a transport through the contract: one vitest test for each case. */
export function describeTransport(subject: TransportSubject, options?: CaseOptions): void {
  describe('transport contract', () => {
    for (const { name, run } of transportCases(subject, options)) it(name, { timeout: TEST_TIMEOUT_MS }, run);
  });
}

/** The kit has a time limit of its own, and says more when it is over. */
const TEST_TIMEOUT_MS = 2 ** 31 - 1;
