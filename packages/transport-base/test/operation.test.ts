import { getEventListeners } from 'node:events';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { TransportError } from '@rpcplugin/transport-core';
import { Operation } from '../src/index.js';
import { thrownBy } from './support.js';

/** What an operation is given up with. */
async function cancelled({ signal }: Operation): Promise<unknown> {
  if (!signal.aborted) await once(signal, 'abort');
  return signal.reason;
}

describe('Operation', () => {
  it('goes on until it is given up', () => {
    const operation = new Operation('test', { signal: new AbortController().signal, timeoutMs: 1000 });
    expect(operation.signal.aborted).toBe(false);
    operation.end();
  });

  it('is given up with ABORTED, and the reason as its cause, when the caller aborts', async () => {
    const controller = new AbortController();
    const operation = new Operation('test', { signal: controller.signal, endpoint: 'e' });
    const reason = new Error('enough');
    controller.abort(reason);
    expect(await cancelled(operation)).toMatchObject({ code: 'ABORTED', cause: reason, endpoint: 'e' });
  });

  it('throws ABORTED, with the reason as its cause, when the caller has aborted already', () => {
    const reason = new Error('enough');
    const error = thrownBy(() => new Operation('test', { signal: AbortSignal.abort(reason), endpoint: 'e' }));
    expect(error).toMatchObject({ code: 'ABORTED', cause: reason, endpoint: 'e' });
  });

  it('throws INVALID_ARGUMENT for what is not a signal', () => {
    expect(thrownBy(() => new Operation('test', { signal: {} as never })).code).toBe('INVALID_ARGUMENT');
  });

  it('is given up with TIMEOUT after its time limit', async () => {
    const operation = new Operation('test', { timeoutMs: 5, endpoint: 'e' });
    expect(await cancelled(operation)).toMatchObject({ code: 'TIMEOUT', endpoint: 'e' });
  });

  it('says after how long it timed out, and what', async () => {
    const error = (await cancelled(new Operation('the test', { timeoutMs: 5 }))) as TransportError;
    expect(error.message).toMatch(/the test .*\b5 ms/);
  });

  it('times out with the last failure as its cause', async () => {
    const operation = new Operation('test', { timeoutMs: 5 });
    operation.attemptFailed(new Error('missing'));
    const latest = new Error('refused');
    operation.attemptFailed(latest);
    expect(await cancelled(operation)).toMatchObject({ cause: latest });
  });

  it('is given up with the error of whoever gives it up', async () => {
    const operation = new Operation('test');
    const error = new TransportError('CLOSED', 'x');
    operation.cancel(error);
    expect(await cancelled(operation)).toBe(error);
  });

  it('keeps to the first error when it is given up twice', async () => {
    const controller = new AbortController();
    const operation = new Operation('test', { signal: controller.signal });
    operation.cancel(new TransportError('CLOSED', 'x'));
    controller.abort();
    expect(await cancelled(operation)).toMatchObject({ code: 'CLOSED' });
  });

  it('has one signal, which fires however often it is asked for', () => {
    const operation = new Operation('test');
    const { signal } = operation;
    expect(operation.signal).toBe(signal);
    operation.cancel(new TransportError('CLOSED', 'x'));
    expect(signal.aborted).toBe(true);
  });

  it('is not given up by the caller after its end', () => {
    const controller = new AbortController();
    const operation = new Operation('test', { signal: controller.signal });
    operation.end();
    controller.abort();
    expect(operation.signal.aborted).toBe(false);
  });

  it('leaves no listener after its end', () => {
    const { signal } = new AbortController();
    new Operation('test', { signal }).end();
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  it('is not given up by its time limit after its end', async () => {
    const operation = new Operation('test', { timeoutMs: 1 });
    operation.end();
    // Its timer was started first, and would fire first.
    await cancelled(new Operation('later', { timeoutMs: 2 }));
    expect(operation.signal.aborted).toBe(false);
  });

  it('never times out with Infinity, nor with more than a timer takes', async () => {
    const operations = [Infinity, 2 ** 31, undefined].map((timeoutMs) => new Operation('test', { timeoutMs }));
    await cancelled(new Operation('later', { timeoutMs: 5 }));
    expect(operations.map(({ signal }) => signal.aborted)).toEqual([false, false, false]);
  });

  it('tells its listeners why it was cancelled, unless they were removed', () => {
    const operation = new Operation('test');
    const told: unknown[] = [];
    operation.onCancel((failure) => told.push(['kept', failure]));
    operation.onCancel((failure) => told.push(['removed', failure]))();
    const failure = new TransportError('CLOSED', 'x');
    operation.cancel(failure);
    operation.cancel(new TransportError('IO', 'y'));
    expect(told).toEqual([['kept', failure]]);
  });

  it('throws its failure once it is cancelled', () => {
    const operation = new Operation('test');
    operation.throwIfCancelled();
    expect(operation.failure).toBeUndefined();
    const failure = new TransportError('CLOSED', 'x');
    operation.cancel(failure);
    expect(operation.failure).toBe(failure);
    expect(thrownBy(() => { operation.throwIfCancelled(); })).toBe(failure);
  });
});
