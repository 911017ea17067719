import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { TransportError } from '@rpcplugin/transport-core';
import type { TransportErrorCode } from '@rpcplugin/transport-core';
import { errnoOf, errorCodeOf, toTransportError } from '../src/index.js';

function systemError(code: string, message = `it says ${code}`, cause?: unknown): Error {
  return Object.assign(new Error(message, { cause }), { code });
}

const table: Record<string, TransportErrorCode> = {
  EADDRINUSE: 'ADDRESS_IN_USE',
  EEXIST: 'ADDRESS_IN_USE',
  EADDRNOTAVAIL: 'ADDRESS_NOT_AVAILABLE',
  EHOSTUNREACH: 'ADDRESS_NOT_AVAILABLE',
  EHOSTDOWN: 'ADDRESS_NOT_AVAILABLE',
  ENETUNREACH: 'ADDRESS_NOT_AVAILABLE',
  ENETDOWN: 'ADDRESS_NOT_AVAILABLE',
  EACCES: 'PERMISSION_DENIED',
  EPERM: 'PERMISSION_DENIED',
  EROFS: 'PERMISSION_DENIED',
  ERR_ACCESS_DENIED: 'PERMISSION_DENIED',
  ENAMETOOLONG: 'PATH_TOO_LONG',
  ENOTSOCK: 'NOT_A_SOCKET',
  EPROTOTYPE: 'NOT_A_SOCKET',
  ENOENT: 'NOT_FOUND',
  ENOTDIR: 'NOT_FOUND',
  ECONNREFUSED: 'CONNECTION_REFUSED',
  ENXIO: 'CONNECTION_REFUSED',
  ENOTFOUND: 'DNS_FAILURE',
  EAI_AGAIN: 'DNS_FAILURE',
  EAI_FAIL: 'DNS_FAILURE',
  EAI_NODATA: 'DNS_FAILURE',
  EAI_NONAME: 'DNS_FAILURE',
  EAI_MEMORY: 'RESOURCE_EXHAUSTED',
  ETIMEDOUT: 'TIMEOUT',
  ERR_SOCKET_CONNECTION_TIMEOUT: 'TIMEOUT',
  ABORT_ERR: 'ABORTED',
  EMFILE: 'RESOURCE_EXHAUSTED',
  ENFILE: 'RESOURCE_EXHAUSTED',
  ENOMEM: 'RESOURCE_EXHAUSTED',
  ENOBUFS: 'RESOURCE_EXHAUSTED',
  ENOSPC: 'RESOURCE_EXHAUSTED',
  EDQUOT: 'RESOURCE_EXHAUSTED',
  EAGAIN: 'RESOURCE_EXHAUSTED',
  EAFNOSUPPORT: 'UNSUPPORTED',
  EPROTONOSUPPORT: 'UNSUPPORTED',
  EOPNOTSUPP: 'UNSUPPORTED',
  ENOTSUP: 'UNSUPPORTED',
  EINVAL: 'INVALID_ARGUMENT',
  ERR_INVALID_ARG_TYPE: 'INVALID_ARGUMENT',
  ERR_INVALID_ARG_VALUE: 'INVALID_ARGUMENT',
  ERR_OUT_OF_RANGE: 'INVALID_ARGUMENT',
  ERR_SOCKET_BAD_PORT: 'INVALID_ARGUMENT',
};

describe('errnoOf', () => {
  it('returns the code of a system error', () => {
    expect(errnoOf(systemError('EPIPE'))).toBe('EPIPE');
  });

  it('names EDQUOT, for which Node 20 has no name', () => {
    const unnamed = (errno: number): Error => Object.assign(systemError(`Unknown system error ${errno}`), { errno });
    expect(errnoOf(unnamed(-122))).toBe('EDQUOT');
    expect(errorCodeOf(unnamed(-122))).toBe('RESOURCE_EXHAUSTED');
    expect(errnoOf(unnamed(-121))).toBe('Unknown system error -121');
  });

  it.each([undefined, null, 'EPIPE', { code: 'EPIPE' }, new Error('x'), Object.assign(new Error('x'), { code: 5 })])(
    'returns undefined for %s',
    (value) => {
      expect(errnoOf(value)).toBeUndefined();
    },
  );
});

describe('errorCodeOf', () => {
  it.each(Object.entries(table))('maps %s to %s', (errno, code) => {
    expect(errorCodeOf(systemError(errno))).toBe(code);
  });

  it.each(['EPIPE', 'ECONNRESET', 'EIO', 'toString', '__proto__', ''])('maps the unknown code %j to IO', (errno) => {
    expect(errorCodeOf(systemError(errno))).toBe('IO');
  });

  it.each([undefined, null, 'ENOENT', 5, {}, { code: 'ENOENT' }, new Error('x')])('maps %s to IO', (value) => {
    expect(errorCodeOf(value)).toBe('IO');
  });

  it('keeps the code of a TransportError', () => {
    expect(errorCodeOf(new TransportError('DNS_FAILURE', 'x', { cause: systemError('ENOENT') }))).toBe('DNS_FAILURE');
  });

  it('finds the code of a deeply nested cause', () => {
    const deep = new Error('a', { cause: new Error('b', { cause: systemError('EACCES') }) });
    expect(errorCodeOf(deep)).toBe('PERMISSION_DENIED');
  });

  it('finds the code of a cause if the errno is unknown', () => {
    expect(errorCodeOf(systemError('EPIPE', 'x', systemError('EACCES')))).toBe('PERMISSION_DENIED');
  });

  it('prefers the errno of an error to that of its cause', () => {
    expect(errorCodeOf(systemError('EMFILE', 'x', systemError('ENOENT')))).toBe('RESOURCE_EXHAUSTED');
  });

  it('handles a cycle of causes', () => {
    const one = new Error('one');
    one.cause = new Error('two', { cause: one });
    expect(errorCodeOf(one)).toBe('IO');
  });

  it('handles an AggregateError that contains itself', () => {
    const aggregate = new AggregateError([]);
    aggregate.errors.push(aggregate, systemError('ENOENT'));
    expect(errorCodeOf(aggregate)).toBe('NOT_FOUND');
  });

  it.each([
    [['ECONNREFUSED', 'ETIMEDOUT'], 'CONNECTION_REFUSED'],
    [['ETIMEDOUT', 'ECONNREFUSED'], 'TIMEOUT'],
    [['EADDRNOTAVAIL', 'ECONNREFUSED'], 'CONNECTION_REFUSED'],
    [['ENETUNREACH', 'EHOSTUNREACH'], 'ADDRESS_NOT_AVAILABLE'],
    [['EPIPE', 'ECONNREFUSED'], 'CONNECTION_REFUSED'],
    [['EPIPE', 'EIO'], 'IO'],
    [[], 'IO'],
  ])('picks the most specific code from an AggregateError of %j: %s', (errnos, code) => {
    expect(errorCodeOf(new AggregateError(errnos.map((errno) => systemError(errno))))).toBe(code);
  });

  it('finds an AggregateError among the causes', () => {
    const aggregate = new AggregateError([systemError('ECONNREFUSED')]);
    expect(errorCodeOf(new Error('x', { cause: aggregate }))).toBe('CONNECTION_REFUSED');
  });

  it('falls back to the code of the AggregateError itself, which Node sets', () => {
    expect(errorCodeOf(Object.assign(new AggregateError([new Error('x')]), { code: 'ETIMEDOUT' }))).toBe('TIMEOUT');
  });
});

describe('toTransportError', () => {
  it.each([
    [new TransportError('IO', 'x'), undefined, {}],
    [new TransportError('IO', 'x', { endpoint: 'mine' }), 'other', {}],
    [new TransportError('IO', 'x', { endpoint: 'mine', hint: 'mine' }), 'other', { IO: 'other' }],
    [new TransportError('IO', 'x'), undefined, { NOT_FOUND: 'other' }],
  ])('returns a complete TransportError unchanged (%#)', (error, endpoint, hints) => {
    expect(toTransportError(error, 'connect', endpoint, hints)).toBe(error);
  });

  it('adds a missing endpoint and hint to a copy of a TransportError', () => {
    const cause = systemError('EIO');
    const error = Object.freeze(new TransportError('IO', 'x', { cause }));
    const completed = toTransportError(error, 'connect', 'unix:/s', { IO: 'try again' });
    expect(completed).toMatchObject({ code: 'IO', message: 'x', endpoint: 'unix:/s', hint: 'try again', cause });
    expect(completed.stack).toBe(error.stack);
    expect(error).not.toHaveProperty('endpoint');
  });

  it('keeps the endpoint or hint that a TransportError has', () => {
    const hinted = new TransportError('IO', 'x', { hint: 'mine' });
    expect(toTransportError(hinted, 'connect', 'e', { IO: 'other' })).toMatchObject({ endpoint: 'e', hint: 'mine' });
    const placed = new TransportError('IO', 'x', { endpoint: 'mine' });
    expect(toTransportError(placed, 'connect', 'e', { IO: 'h' })).toMatchObject({ endpoint: 'mine', hint: 'h' });
  });

  it('sets the code, the endpoint and the error as cause', () => {
    const cause = systemError('ENOENT');
    expect(toTransportError(cause, 'connect', 'unix:/s')).toMatchObject({
      code: 'NOT_FOUND',
      endpoint: 'unix:/s',
      cause,
    });
  });

  it('says what failed and why', () => {
    expect(toTransportError(systemError('ENOENT', 'no such file'), 'connect').message).toBe('connect: no such file');
  });

  it('adds the hint for its code', () => {
    expect(toTransportError(systemError('ENOENT'), 'connect', '', { NOT_FOUND: 'start it' }).hint).toBe('start it');
  });

  it('adds no hint if its code has none', () => {
    expect(toTransportError(systemError('ENOENT'), 'connect', '', { IO: 'start it' })).not.toHaveProperty('hint');
  });

  it('does not modify the error', () => {
    const error = Object.freeze(systemError('ENOENT'));
    expect(() => toTransportError(error, 'connect')).not.toThrow();
  });

  it('lists the errors of an AggregateError without a message', () => {
    const aggregate = new AggregateError([systemError('ECONNREFUSED', 'one'), systemError('ETIMEDOUT', 'two')]);
    expect(toTransportError(aggregate, 'connect').message).toBe('connect: one; two');
  });

  it.each([
    [new TypeError(''), 'TypeError'],
    [systemError('EPIPE', ''), 'EPIPE'],
    ['a string', 'a string'],
    [undefined, 'undefined'],
    [{ thrown: 5 }, 'an object'],
    [Object.assign(new AggregateError([]), { message: 'none' }), 'none'],
    [Object.assign(new Error('no list'), { errors: 5 }), 'no list'],
  ])('describes %s', (error, text) => {
    expect(toTransportError(error, 'connect').message).toBe(`connect: ${text}`);
  });
});

it("toTransportError recognizes errors of another realm, as Node's own are under Jest", () => {
  const other = runInNewContext(
    "Object.assign(new AggregateError([Object.assign(new Error('no'), { code: 'ECONNREFUSED' })]), { code: 'X' })",
  ) as unknown;
  expect(other).not.toBeInstanceOf(Error);
  expect(toTransportError(other, 'connect')).toMatchObject({ code: 'CONNECTION_REFUSED', message: 'connect: no' });
});
