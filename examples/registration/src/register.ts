import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Etcd3, Lease } from 'etcd3';
import { withDeadline } from './deadline.js';
import { keyPrefix } from './keys.js';

export interface RegisterOptions {
  /** The service that the plugin offers: hosts connect to `etcd:///SERVICE`. */
  readonly service: string;
  /** Where hosts reach the plugin, such as `192.0.2.11:50051`. */
  readonly endpoint: string;
  /** How long the registration outlives a plugin that dies, in seconds. etcd may raise it to two. Default: 10. */
  readonly ttlSeconds?: number;
}

/** How long to wait after etcd could not be reached, in milliseconds. */
const RETRY_MS = 1000;

/**
 * Registers a plugin, and resolves once hosts can find it. It stays registered until `close`, or until etcd has not
 * heard of this process for `ttlSeconds`. Rejects with the error of etcd's client if the first attempt fails.
 */
export async function register(etcd: Etcd3, options: RegisterOptions): Promise<Registration> {
  const registration = new Registration(etcd, options);
  await registration.begin();
  return registration;
}

/** The entry of a plugin in etcd, under a lease that this process keeps alive. */
export class Registration implements AsyncDisposable {
  readonly #etcd: Etcd3;
  readonly #key: string;
  readonly #endpoint: string;
  readonly #ttlSeconds: number;
  readonly #closing = new AbortController();
  #lease: Lease | undefined;

  constructor(etcd: Etcd3, { service, endpoint, ttlSeconds = 10 }: RegisterOptions) {
    this.#etcd = etcd;
    this.#key = `${keyPrefix(service)}${randomUUID()}`;
    this.#endpoint = endpoint;
    this.#ttlSeconds = ttlSeconds;
  }

  async begin(): Promise<void> {
    const lease = this.#etcd.lease(this.#ttlSeconds, withDeadline());
    try {
      const id = await lease.grant();
      // Not `lease.put`, which ignores the deadline.
      await this.#etcd.put(this.#key).value(this.#endpoint).lease(id).options(withDeadline());
    } catch (error) {
      // This process would keep it alive, although nothing needs it.
      await end(lease);
      throw error;
    }
    this.#lease = lease;
    // This process stood still for too long, or etcd has lost its data.
    lease.once('lost', () => void this.#beginAgain());
    if (this.#closing.signal.aborted) await end(lease);
  }

  async #beginAgain(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      try {
        await this.begin();
        return;
      } catch {
        await sleep(RETRY_MS, undefined, { signal, ref: false }).catch(() => undefined);
      }
    }
  }

  /** Takes the plugin out of etcd. Close its listener afterwards, when hosts no longer begin calls. */
  async close(): Promise<void> {
    this.#closing.abort();
    if (this.#lease !== undefined) await end(this.#lease);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** Revokes a lease. If etcd does not answer, it ends by itself. */
async function end(lease: Lease): Promise<void> {
  await lease.revoke(withDeadline()).catch(() => undefined);
}
