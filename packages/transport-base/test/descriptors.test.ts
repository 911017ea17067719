import { thrownBy } from '@rpcplugin/test-support';
import { expect, it } from 'vitest';
import { claimDescriptor } from '../src/index.js';

it('claimDescriptor refuses a descriptor as long as its last user has it open', () => {
  // No descriptor of this process has such a number.
  const fd = 2 ** 31 - 1;
  let isOpen = true;
  claimDescriptor(fd, () => isOpen);
  expect(
    thrownBy(() => {
      claimDescriptor(fd, () => true);
    }),
  ).toMatchObject({ code: 'ADDRESS_IN_USE' });
  claimDescriptor(fd - 1, () => true);
  isOpen = false;
  claimDescriptor(fd, () => false);
  claimDescriptor(fd, () => true);
});
