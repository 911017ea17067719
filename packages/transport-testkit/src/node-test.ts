import { describe, it } from 'node:test';
import { transportCases } from './cases.js';
import type { CaseOptions } from './cases.js';
import type { TransportSubject } from './subject.js';

/** Tests a transport against the contract: one `node:test` test per case. */
export function describeTransport(subject: TransportSubject, options?: CaseOptions): void {
  void describe('transport contract', () => {
    for (const { name, run } of transportCases(subject, options)) void it(name, run);
  });
}
