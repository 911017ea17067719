import { getEventListeners } from 'node:events';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { Operation, TransportError } from '../src/index.js';
import { thrownBy } from './support.js';

/** What an operation is given up with. */
async function givenUp({ signal }: Operation): Promise<unknown> {
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
    expect(await givenUp(operation)).toMatchObject({ code: 'ABORTED', cause: reason, endpoint: 'e' });
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
    expect(await givenUp(operation)).toMatchObject({ code: 'TIMEOUT', endpoint: 'e' });
  });

  it('says after how long it timed out, and what', async () => {
    const error = (await givenUp(new Operation('the test', { timeoutMs: 5 }))) as TransportError;
    expect(error.message).toMatch(/the test .*\b5 ms/);
  });

  it('times out with the last failure as its cause', async () => {
    const operation = new Operation('test', { timeoutMs: 5 });
    operation.lastFailure = new Error('refused');
    expect(await givenUp(operation)).toMatchObject({ cause: operation.lastFailure });
  });

  it('is given up with the error of whoever gives it up', async () => {
    const operation = new Operation('test');
    const error = new TransportError('CLOSED', 'x');
    operation.giveUp(error);
    expect(await givenUp(operation)).toBe(error);
  });

  it('keeps to the first error when it is given up twice', async () => {
    const controller = new AbortController();
    const operation = new Operation('test', { signal: controller.signal });
    operation.giveUp(new TransportError('CLOSED', 'x'));
    controller.abort();
    expect(await givenUp(operation)).toMatchObject({ code: 'CLOSED' });
  });

  it('has one signal, which fires however often it is asked for', () => {
    const operation = new Operation('test');
    const { signal } = operation;
    expect(operation.signal).toBe(signal);
    operation.giveUp(new TransportError('CLOSED', 'x'));
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
    await givenUp(new Operation('later', { timeoutMs: 2 }));
    expect(operation.signal.aborted).toBe(false);
  });

  it('never times out with Infinity, nor with more than a timer takes', async () => {
    const operations = [Infinity, 2 ** 31, undefined].map((timeoutMs) => new Operation('test', { timeoutMs }));
    await givenUp(new Operation('later', { timeoutMs: 5 }));
    expect(operations.map(({ signal }) => signal.aborted)).toEqual([false, false, false]);
  });
});
