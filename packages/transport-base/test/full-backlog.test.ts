import { Socket } from 'node:net';
import { rejectionOf, settlesWithin } from '@rpcplugin/test-support';
import { TransportError } from '@rpcplugin/transport-core';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { dial, Operation } from '../src/index.js';

/** More attempts than a test makes. */
const MAX_ATTEMPTS = 1000;

/** A listener whose backlog is full until there is room. */
class FullListener {
  room = 0;
  attempts = 0;
  code = 'EAGAIN';
  readonly endpoint = `test:${Math.random()}`;

  readonly attempt = (): Promise<Socket> => {
    this.attempts++;
    // Without pauses, attempts would go on for ever, in one turn of the event loop.
    if (this.attempts > MAX_ATTEMPTS) throw new Error(`more than ${MAX_ATTEMPTS} attempts`);
    if (this.room === 0) return Promise.reject(Object.assign(new Error('full'), { code: this.code }));
    this.room--;
    return Promise.resolve(new Socket());
  };

  connect(operation = new Operation('test')): Promise<Socket> {
    return dial(this, { allowHalfOpen: false, operation }, 0);
  }

  /** Resolves when a connect has tried again. */
  async retried(): Promise<void> {
    const { attempts } = this;
    await vi.waitUntil(() => this.attempts > attempts, { interval: 1, timeout: 10_000 });
  }
}

describe('A connect to a listener whose backlog is full', () => {
  const aborted = new TransportError('ABORTED', 'x');
  let listener: FullListener;

  beforeEach(() => {
    listener = new FullListener();
  });

  it('is retried even without waitMs, until there is room', async () => {
    const connecting = listener.connect();
    for (let retries = 0; retries < 8; retries++) await listener.retried();
    listener.room = 1;
    expect(await connecting).toBeInstanceOf(Socket);
  });

  it('is retried ever less often, down to every 64 ms', async () => {
    const connecting = listener.connect();
    const begun = performance.now();
    for (let retries = 0; retries < 8; retries++) await listener.retried();
    // 1 + 2 + 4 + … + 64 ms, less what a timer may be early.
    expect(performance.now() - begun).toBeGreaterThan(100);
    const twice = listener.retried().then(() => listener.retried());
    // 64 + 64 ms, and not 128 + 256.
    expect(await settlesWithin(300, twice)).toBe(true);
    listener.room = 1;
    await connecting;
  });

  it('has the full backlog as the cause of its timeout', async () => {
    const operation = new Operation('test', { timeoutMs: 20 });
    expect(await rejectionOf(listener.connect(operation))).toMatchObject({
      code: 'TIMEOUT',
      cause: { code: 'EAGAIN' },
    });
  });

  it('is retried only once those before it have succeeded', async () => {
    const connecting = Array.from({ length: 100 }, () => listener.connect());
    expect(listener.attempts).toBe(100);
    await listener.retried();
    await listener.retried();
    // Every connect at a time would have made 200 more.
    expect(listener.attempts).toBeLessThan(120);
    const before = listener.attempts;
    listener.room = 100;
    expect(await settlesWithin(4000, Promise.all(connecting))).toBe(true);
    expect(listener.attempts).toBe(before + 100);
  });

  it('goes on when the one before it is cancelled', async () => {
    const first = new Operation('test');
    const connecting = [listener.connect(first), listener.connect()] as const;
    await listener.retried();
    first.cancel(aborted);
    expect(await rejectionOf(connecting[0])).toBe(aborted);
    listener.room = 1;
    expect(await connecting[1]).toBeInstanceOf(Socket);
  });

  it('rejects at once when it is cancelled, and lets the next one go on in its turn', async () => {
    const second = new Operation('test');
    const connecting = [listener.connect(), listener.connect(second), listener.connect()] as const;
    await listener.retried();
    second.cancel(aborted);
    expect(await rejectionOf(connecting[1])).toBe(aborted);
    const before = listener.attempts;
    listener.room = 2;
    await Promise.all([connecting[0], connecting[2]]);
    expect(listener.attempts).toBe(before + 2);
  });

  it('does not wait for connects to other listeners', async () => {
    const other = new FullListener();
    const waiting = other.connect();
    const connecting = listener.connect();
    listener.room = 1;
    expect(await connecting).toBeInstanceOf(Socket);
    other.room = 1;
    await waiting;
  });

  it('rejects with an error that is final', async () => {
    const connecting = listener.connect();
    await listener.retried();
    listener.code = 'EACCES';
    await expect(connecting).rejects.toMatchObject({ code: 'EACCES' });
  });
});
