import { getEventListeners, once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { standStill, thrownBy, turns } from '@rpcplugin/test-support';
import { TransportError } from '@rpcplugin/transport-core';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Operation } from '../src/index.js';

/** Resolves with the failure of an operation once it is cancelled. */
async function cancelled({ signal }: Operation): Promise<unknown> {
  if (!signal.aborted) await once(signal, 'abort');
  return signal.reason;
}

describe('Operation', () => {
  it('is not cancelled at first', () => {
    const operation = new Operation('test', { signal: new AbortController().signal, timeoutMs: 1000 });
    expect(operation.signal.aborted).toBe(false);
    operation.end();
  });

  it('is cancelled with ABORTED when the caller aborts, with the reason as cause', async () => {
    const controller = new AbortController();
    const operation = new Operation('test', { signal: controller.signal, endpoint: 'e' });
    const reason = new Error('enough');
    controller.abort(reason);
    expect(await cancelled(operation)).toMatchObject({ code: 'ABORTED', cause: reason, endpoint: 'e' });
  });

  it('throws ABORTED for a signal that is aborted already, with the reason as cause', () => {
    const reason = new Error('enough');
    const error = thrownBy(() => new Operation('test', { signal: AbortSignal.abort(reason), endpoint: 'e' }));
    expect(error).toMatchObject({ code: 'ABORTED', cause: reason, endpoint: 'e' });
  });

  it('throws INVALID_ARGUMENT for an object that is not a signal', () => {
    expect(thrownBy(() => new Operation('test', { signal: {} as never })).code).toBe('INVALID_ARGUMENT');
  });

  it('is cancelled with TIMEOUT after its time limit', async () => {
    const operation = new Operation('test', { timeoutMs: 5, endpoint: 'e' });
    expect(await cancelled(operation)).toMatchObject({ code: 'TIMEOUT', endpoint: 'e' });
  });

  it('gives its TIMEOUT the hint of its options', async () => {
    const operation = new Operation('test', { timeoutMs: 5, timeoutHint: 'wait longer' });
    expect(await cancelled(operation)).toMatchObject({ code: 'TIMEOUT', hint: 'wait longer' });
  });

  it('names itself and its time limit when it times out', async () => {
    const error = (await cancelled(new Operation('the test', { timeoutMs: 5 }))) as TransportError;
    expect(error.message).toMatch(/the test .*\b5 ms/);
  });

  it('times out with the latest failed attempt as cause', async () => {
    const operation = new Operation('test', { timeoutMs: 5 });
    operation.attemptFailed(new Error('missing'));
    const latest = new Error('refused');
    operation.attemptFailed(latest);
    expect(await cancelled(operation)).toMatchObject({ cause: latest });
  });

  it('is cancelled with the failure passed to cancel', async () => {
    const operation = new Operation('test');
    const error = new TransportError('CLOSED', 'x');
    operation.cancel(error);
    expect(await cancelled(operation)).toBe(error);
  });

  it('keeps the first failure when cancelled twice', async () => {
    const controller = new AbortController();
    const operation = new Operation('test', { signal: controller.signal });
    operation.cancel(new TransportError('CLOSED', 'x'));
    controller.abort();
    expect(await cancelled(operation)).toMatchObject({ code: 'CLOSED' });
  });

  it('has one signal, which aborts when the operation is cancelled', () => {
    const operation = new Operation('test');
    const { signal } = operation;
    expect(operation.signal).toBe(signal);
    operation.cancel(new TransportError('CLOSED', 'x'));
    expect(signal.aborted).toBe(true);
  });

  it('ignores an abort by the caller after its end', () => {
    const controller = new AbortController();
    const operation = new Operation('test', { signal: controller.signal });
    operation.end();
    controller.abort();
    expect(operation.signal.aborted).toBe(false);
  });

  it('leaves no listener on the signal after its end', () => {
    const { signal } = new AbortController();
    new Operation('test', { signal }).end();
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  it('shares a signal with many others without a warning of a leak', async () => {
    const warnings: Error[] = [];
    const onWarning = (warning: Error): void => void warnings.push(warning);
    process.on('warning', onWarning);
    onTestFinished(() => void process.off('warning', onWarning));
    const controller = new AbortController();
    const { signal } = controller;
    const operations = Array.from({ length: 20 }, () => new Operation('test', { signal }));
    operations.splice(0, 10).forEach((operation) => {
      operation.end();
    });
    // Warnings are emitted in a later tick.
    await turns(1);
    controller.abort();
    expect(operations.map((operation) => operation.signal.aborted)).toEqual(Array<boolean>(10).fill(true));
    expect(warnings).toEqual([]);
    for (const operation of operations) operation.end();
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  it('ends without an effect on others with the same signal, even while they are cancelled', () => {
    const controller = new AbortController();
    const { signal } = controller;
    const [first, second, third] = [1, 2, 3].map(() => new Operation('test', { signal }));
    third?.end();
    first?.onCancel(() => {
      first.end();
    });
    controller.abort();
    expect([first, second, third].map((operation) => operation?.signal.aborted)).toEqual([true, true, false]);
  });

  it('does not time out after its end', async () => {
    const operation = new Operation('test', { timeoutMs: 1 });
    operation.end();
    // A timer of the ended operation would fire first.
    await cancelled(new Operation('later', { timeoutMs: 2 }));
    expect(operation.signal.aborted).toBe(false);
  });

  it('does not time out after its end, although its time limit has passed', async () => {
    const operation = new Operation('test', { timeoutMs: 1 });
    // Both timers fire in the same turn, this one later. The operation would still process input that has arrived.
    const ended = sleep(1).then(() => {
      operation.end();
    });
    standStill(5);
    await ended;
    await turns(20);
    expect(operation.failure).toBeUndefined();
  });

  it('never times out with Infinity, more than a timer can hold, or no limit', async () => {
    const operations = [Infinity, 2 ** 31, undefined].map((timeoutMs) => new Operation('test', { timeoutMs }));
    await cancelled(new Operation('later', { timeoutMs: 5 }));
    expect(operations.map(({ signal }) => signal.aborted)).toEqual([false, false, false]);
  });

  it('passes its failure to its listeners, unless they were removed', () => {
    const operation = new Operation('test');
    const told: unknown[] = [];
    operation.onCancel((failure) => told.push(['kept', failure]));
    operation.onCancel((failure) => told.push(['removed', failure]))();
    const failure = new TransportError('CLOSED', 'x');
    operation.cancel(failure);
    operation.cancel(new TransportError('IO', 'y'));
    expect(told).toEqual([['kept', failure]]);
  });

  it('throws its failure from throwIfCancelled once cancelled', () => {
    const operation = new Operation('test');
    operation.throwIfCancelled();
    expect(operation.failure).toBeUndefined();
    const failure = new TransportError('CLOSED', 'x');
    operation.cancel(failure);
    expect(operation.failure).toBe(failure);
    expect(
      thrownBy(() => {
        operation.throwIfCancelled();
      }),
    ).toBe(failure);
  });
});
