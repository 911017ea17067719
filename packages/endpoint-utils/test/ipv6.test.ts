import { isIPv6, SocketAddress } from 'node:net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonicalIPv6 } from '../src/ipv6.js';

/** The form that Node prints, which is that of inet_ntop(3). */
function formOfNode(address: string): string | undefined {
  return isIPv6(address) ? new SocketAddress({ family: 'ipv6', address }).address : undefined;
}

// Mostly zeros, to get runs of them.
const group = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom('0', '0000', '00') },
  { weight: 2, arbitrary: fc.stringMatching(/^[0-9a-fA-F]{1,4}$/) },
  fc.constantFrom('ffff', 'FFFF', '1'),
);
const tail = fc.oneof(
  fc.constant([]),
  fc.ipV4().map((address) => [address]),
);
const groups = (max: number): fc.Arbitrary<string[]> => fc.array(group, { maxLength: max });
const address = fc.oneof(
  fc.ipV6(),
  fc.tuple(fc.array(group, { minLength: 8, maxLength: 8 })).map(([all]) => all.join(':')),
  fc.tuple(fc.array(group, { minLength: 6, maxLength: 6 }), fc.ipV4()).map(([all, v4]) => [...all, v4].join(':')),
  fc.tuple(groups(8), groups(8), tail).map(([left, right, v4]) => `${left.join(':')}::${[...right, ...v4].join(':')}`),
);

/** An address with a character changed, added or removed, in most cases no longer valid. */
const nearlyAddress = fc
  .tuple(address, fc.nat(45), fc.nat(2), fc.constantFrom('', ':', '::', '.', '0', 'f', 'g', '/', '@', '`', 'é', '%'))
  .map(([text, at, remove, insert]) => text.slice(0, at) + insert + text.slice(at + remove));

describe('canonicalIPv6', () => {
  test('returns every address in the form that Node prints', () => {
    fc.assert(
      fc.property(address, (text) => {
        expect(canonicalIPv6(text)).toBe(formOfNode(text));
      }),
      { numRuns: 5000 },
    );
  });

  test('rejects text that Node rejects', () => {
    fc.assert(
      fc.property(nearlyAddress, (text) => {
        fc.pre(!text.includes('%'));
        expect(canonicalIPv6(text)).toBe(formOfNode(text));
      }),
      { numRuns: 5000 },
    );
  });

  test.each([
    ['::', '::'],
    ['0:0:0:0:0:0:0:1', '::1'],
    ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
    ['1:0:0:2:3:0:0:4', '1::2:3:0:0:4'],
    ['1:0:2:3:4:5:6:7', '1:0:2:3:4:5:6:7'],
    ['1:2:3:4:5:6:0:0', '1:2:3:4:5:6::'],
    ['::FFFF:1.2.3.4', '::ffff:1.2.3.4'],
    ['::ffff:102:304', '::ffff:1.2.3.4'],
    ['::1.2.3.4', '::1.2.3.4'],
    ['::1:0', '::0.1.0.0'],
    ['64:ff9b::1.2.3.4', '64:ff9b::102:304'],
    ['1:2:3:4:5:6:255.255.255.255', '1:2:3:4:5:6:ffff:ffff'],
    ['1::3:4:5:6:7:8', '1:0:3:4:5:6:7:8'],
  ])('turns %s into %s', (text, canonical) => {
    expect(canonicalIPv6(text)).toBe(canonical);
  });

  test.each([
    ...[
      '',
      ':',
      ':::',
      '::1::',
      '1::2::3',
      '1:2:3:4:5:6:7',
      '1:2:3:4:5:6:7:8:9',
      '1:2:3:4:5:6:7:8::',
      '::1:2:3:4:5:6:7:8',
    ],
    ...[
      '1:',
      ':1',
      '1:2:3:4:5:6:7:',
      '12345::',
      '::g',
      '::1.2.3',
      '::1.2.3.4:5',
      '::01.2.3.4',
      '1:2:3:4:5:6:7:1.2.3.4',
    ],
    ...['::1 ', ' ::1', '[::1]', '::1%lo', '1.2.3.4', '::.1.2.3', '::١'],
  ])('rejects %j', (text) => {
    expect(canonicalIPv6(text)).toBeUndefined();
    expect(text.includes('%') || !isIPv6(text)).toBe(true);
  });
});
