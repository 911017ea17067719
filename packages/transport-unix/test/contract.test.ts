import { describeTransport } from '@rpcplugin/transport-testkit/vitest';
import { describe } from 'vitest';
import * as subjects from './subjects.js';

for (const [name, subject] of Object.entries(subjects)) {
  describe(name, () => {
    describeTransport(subject);
  });
}
