import { limitDescriptors, run, script } from '@rpcplugin/test-support';
import { TransportError } from '@rpcplugin/transport-core';
import { describe, expect, it } from 'vitest';
import { explainLookup } from '../src/index.js';

describe('explainLookup', () => {
  it.each([
    Object.assign(new Error('getaddrinfo ENOTFOUND x'), { code: 'ENOTFOUND' }),
    Object.assign(new Error('getaddrinfo EAI_AGAIN x'), { code: 'EAI_AGAIN' }),
    Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }),
    new TransportError('DNS_FAILURE', 'x'),
    new Error('x'),
    'text',
    undefined,
  ])('returns %s as it is while descriptors are left', (error) => {
    expect(explainLookup(error)).toBe(error);
  });

  it('replaces a name that is unknown without a free descriptor, and no other error', async () => {
    const code = `
      import { exhaustDescriptors, recoverDescriptors } from '@rpcplugin/test-support/process';
      import { errorCodeOf, explainLookup } from '../src/index.js';
      const unknown = Object.assign(new Error('getaddrinfo ENOTFOUND x'), { code: 'ENOTFOUND' });
      const refused = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' });
      // Loads what the calls below need.
      explainLookup(unknown);
      exhaustDescriptors();
      const [explained, same] = [explainLookup(unknown), explainLookup(refused)];
      recoverDescriptors();
      const { message, cause } = explained;
      console.log(JSON.stringify([errorCodeOf(explained), message, cause.code, same === refused]));
    `;
    const { stdout, stderr } = await run(limitDescriptors(100, script(import.meta.url, code)));
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toEqual([
      'RESOURCE_EXHAUSTED',
      'cannot resolve the host name without a free file descriptor',
      'EMFILE',
      true,
    ]);
  });
});
