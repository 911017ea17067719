import { runInNewContext } from 'node:vm';
import { thrownBy } from '@rpcplugin/test-support';
import { describe, expect, it } from 'vitest';
import { assertOptions, durationOption, integerOption, invalidOption, typeOption } from '../src/index.js';

describe('durationOption', () => {
  it.each([0, 0.5, 5000, Number.MAX_SAFE_INTEGER, Infinity])('accepts %s', (value) => {
    expect(durationOption('waitMs', value, 7)).toBe(value);
  });

  it('returns the default for undefined', () => {
    expect(durationOption('waitMs', undefined, 7)).toBe(7);
  });

  it.each([-1, -Infinity, NaN, null, '5', true, {}])('rejects %s', (value) => {
    expect(thrownBy(() => durationOption('waitMs', value as never, 7)).code).toBe('INVALID_ARGUMENT');
  });
});

describe('integerOption', () => {
  it.each([1, 5, 10, undefined])('accepts %s in the range 1 to 10', (value) => {
    expect(integerOption('backlog', value, 1, 10)).toBe(value);
  });

  it.each([0, 11, 1.5, NaN, Infinity, '5', null])('rejects %s in the range 1 to 10', (value) => {
    expect(thrownBy(() => integerOption('backlog', value as never, 1, 10)).code).toBe('INVALID_ARGUMENT');
  });

  it('names the allowed range in the hint', () => {
    expect(thrownBy(() => integerOption('backlog', 0, 1, 10)).hint).toMatch(/\b1 to 10\b/);
  });
});

describe('typeOption', () => {
  it.each([
    ['boolean', false],
    ['string', ''],
    ['function', () => undefined],
    ['string', undefined],
  ] as const)('accepts as a %s: %s', (type, value) => {
    expect(typeOption('option', value, type)).toBe(value);
  });

  it.each([
    ['boolean', 0],
    ['string', null],
    ['function', {}],
  ] as const)('rejects as a %s: %s', (type, value) => {
    expect(thrownBy(() => typeOption<unknown>('option', value, type)).code).toBe('INVALID_ARGUMENT');
  });
});

describe('assertOptions', () => {
  it('accepts an object', () => {
    expect(() => {
      assertOptions({});
    }).not.toThrow();
  });

  it.each([undefined, null, 5, 'x', () => undefined])('rejects %s', (value) => {
    const error = thrownBy(() => {
      assertOptions(value);
    });
    expect(error.code).toBe('INVALID_ARGUMENT');
  });
});

describe('invalidOption', () => {
  it('returns INVALID_ARGUMENT with the hint', () => {
    expect(invalidOption('port', -1, 'use another')).toMatchObject({ code: 'INVALID_ARGUMENT', hint: 'use another' });
  });

  it.each<[unknown, string]>([
    [-1, 'port cannot be -1'],
    [NaN, 'port cannot be NaN'],
    [null, 'port cannot be null'],
    ['a"b\n', String.raw`port cannot be "a\"b\n"`],
    [[1], 'port cannot be an array'],
    [{ toString: 5 }, 'port cannot be an object'],
    [runInNewContext('Object.create(null)'), 'port cannot be an object'],
    [() => undefined, 'port cannot be a function'],
    [Symbol('x'), 'port cannot be Symbol(x)'],
    [10n, 'port cannot be 10'],
  ])('names the option and its value (%#)', (value, message) => {
    expect(invalidOption('port', value, '').message).toBe(message);
  });

  it('truncates a long text', () => {
    expect(invalidOption('path', 'x'.repeat(10_000), '').message.length).toBeLessThan(300);
  });
});
