import { inspect } from 'node:util';
import { describe, expect, it, vi } from 'vitest';
import { TransportError } from '../src/index.js';

/** The class from another copy of this package. */
async function otherCopy(): Promise<typeof TransportError> {
  vi.resetModules();
  const copy = await import('../src/errors.js');
  return copy.TransportError;
}

describe('TransportError', () => {
  it('has its code and message', () => {
    expect(new TransportError('TIMEOUT', 'too late')).toMatchObject({ code: 'TIMEOUT', message: 'too late' });
  });

  it('is an Error', () => {
    expect(new TransportError('IO', 'x')).toBeInstanceOf(Error);
  });

  it('has its name in the stack trace', () => {
    expect(new TransportError('IO', 'broken').stack).toMatch(/^TransportError: broken/);
  });

  it('has the endpoint, hint and cause it is given', () => {
    const cause = new Error('underneath');
    const error = new TransportError('IO', 'x', { endpoint: '127.0.0.1:1', hint: 'try again', cause });
    expect(error).toMatchObject({ endpoint: '127.0.0.1:1', hint: 'try again', cause });
  });

  it.each(['endpoint', 'hint', 'cause'])('has no own property %s when none is given', (property) => {
    const error = new TransportError('IO', 'x', { endpoint: undefined, hint: undefined, cause: undefined });
    expect(Object.hasOwn(error, property)).toBe(false);
  });

  it.each([null, 0, '', false])('keeps %j as cause', (cause) => {
    expect(new TransportError('IO', 'x', { cause })).toHaveProperty('cause', cause);
  });

  it('serializes the code, endpoint and hint as JSON', () => {
    const error = new TransportError('IO', 'x', { endpoint: 'e', hint: 'h', cause: new Error('c') });
    expect(JSON.parse(JSON.stringify(error))).toEqual({ code: 'IO', endpoint: 'e', hint: 'h' });
  });

  it('serializes only the code as JSON when nothing else is given', () => {
    expect(JSON.parse(JSON.stringify(new TransportError('IO', 'x')))).toEqual({ code: 'IO' });
  });

  it.each(['TransportError', 'the message', "code: 'IO'", "endpoint: 'e'", "hint: 'h'", 'Error: underneath'])(
    'shows %s when printed',
    (part) => {
      const cause = new Error('underneath');
      expect(inspect(new TransportError('IO', 'the message', { endpoint: 'e', hint: 'h', cause }))).toContain(part);
    },
  );

  it.each(['cause', 'undefined', 'name:', 'Symbol'])('does not show %s when printed with only a message', (part) => {
    const [firstLine = '', ...rest] = inspect(new TransportError('IO', 'x')).split('\n');
    const properties = rest.filter((line) => !/^\s+at /.test(line));
    expect([firstLine, ...properties].join('\n')).not.toContain(part);
  });
});

describe('TransportError.isInstance', () => {
  it('is true for an error of this copy', () => {
    expect(TransportError.isInstance(new TransportError('IO', 'x'))).toBe(true);
  });

  it('is true for an error of another copy, both ways', async () => {
    const Other = await otherCopy();
    expect([TransportError.isInstance(new Other('IO', 'x')), Other.isInstance(new TransportError('IO', 'x'))]).toEqual([
      true,
      true,
    ]);
  });

  it('is true for a subclass', () => {
    class Special extends TransportError {}
    expect(TransportError.isInstance(new Special('IO', 'x'))).toBe(true);
  });

  it.each([undefined, null, 'IO', 5, {}, new Error('x'), { code: 'IO', name: 'TransportError' }, () => undefined])(
    'is false for %s',
    (value) => {
      expect(TransportError.isInstance(value)).toBe(false);
    },
  );
});

describe('instanceof TransportError', () => {
  it('is true across two copies, both ways', async () => {
    const Other = await otherCopy();
    expect(Other).not.toBe(TransportError);
    expect([new Other('IO', 'x') instanceof TransportError, new TransportError('IO', 'x') instanceof Other]).toEqual([
      true,
      true,
    ]);
  });

  it('is false for another error', () => {
    expect(new Error('x') instanceof TransportError).toBe(false);
  });

  it('follows the usual rule for a subclass: true for its instances', () => {
    class Special extends TransportError {}
    expect(new Special('IO', 'x') instanceof Special).toBe(true);
  });

  it('follows the usual rule for a subclass: false for others', () => {
    class Special extends TransportError {}
    expect(new TransportError('IO', 'x') instanceof Special).toBe(false);
  });
});
