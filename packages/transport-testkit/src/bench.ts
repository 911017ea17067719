import assert from 'node:assert/strict';
import type { Duplex } from 'node:stream';
import { TransportError } from '@rpcplugin/transport-core';
import type { ConnectOptions, ListenOptions, Transport } from '@rpcplugin/transport-core';
import { remains, resourcesNow } from './remains.js';
import { Accepted, echo } from './streams.js';
import type { Absence, TransportSubject } from './subject.js';
import { NEVER_MS, until } from './waiting.js';

export interface Pair {
  readonly listener: Transport;
  readonly endpoint: string;
  readonly dialer: Transport;
  /** The end that `connect` gave. */
  readonly near: Duplex;
  /** The end that the handler got. */
  readonly far: Duplex;
}

/** Makes what one case needs, and ends all of it after the case. */
export class Bench {
  readonly subject: TransportSubject;
  readonly #transports: Transport[] = [];

  constructor(subject: TransportSubject) {
    this.subject = subject;
  }

  /** A transport that is to listen on an address of its own. */
  async create(): Promise<Transport> {
    const transport = await this.subject.create();
    this.#transports.push(transport);
    return transport;
  }

  /** A transport that is to listen on exactly this endpoint. */
  async createAt(endpoint: string): Promise<Transport> {
    const transport = await this.subject.capabilities?.createAt?.(endpoint);
    if (transport === undefined) throw new Error('a case that needs createAt has to say so');
    this.#transports.push(transport);
    return transport;
  }

  /** The endpoint of a listener that does not answer. */
  async stuck(): Promise<string> {
    const endpoint = await this.subject.capabilities?.stuck?.();
    if (endpoint === undefined) throw new Error('a case that needs stuck has to say so');
    return endpoint;
  }

  /** A listener that echoes, and its endpoint. */
  async echoServer(): Promise<{ listener: Transport; endpoint: string }> {
    const listener = await this.create();
    return { listener, endpoint: await listener.listen({ onConnection: echo }) };
  }

  /** A connection to an endpoint, by a transport of its own. */
  async dial(endpoint: string, options?: ConnectOptions): Promise<Duplex> {
    const dialer = await this.create();
    return dialer.connect(endpoint, options);
  }

  /** A connection that reads, is told that the other side has ended, and does not end itself. */
  async dialStubborn(endpoint: string): Promise<Duplex> {
    const connection = await this.dial(endpoint, { allowHalfOpen: true });
    return connection.resume();
  }

  async canConnect(endpoint: string): Promise<boolean> {
    return this.dial(endpoint, { waitMs: 0 }).then(
      (connection) => {
        connection.destroy();
        return true;
      },
      () => false,
    );
  }

  async pair({ listen, connect }: { listen?: ListenOptions; connect?: ConnectOptions } = {}): Promise<Pair> {
    const accepted = new Accepted();
    const listener = await this.create();
    const endpoint = await listener.listen({ ...listen, onConnection: accepted.onConnection });
    const dialer = await this.create();
    const near = await dialer.connect(endpoint, connect);
    return { listener, endpoint, dialer, near, far: await accepted.at(0) };
  }

  /** A listener with a connection whose peer does not end it, and that peer. */
  async stubbornPair(): Promise<{ listener: Transport; endpoint: string; far: Duplex; peer: Duplex }> {
    const accepted = new Accepted();
    const listener = await this.create();
    const endpoint = await listener.listen(accepted);
    const peer = await this.dialStubborn(endpoint);
    return { listener, endpoint, far: await accepted.at(0), peer };
  }

  /** What can be where nobody listens, each with the codes that `connect` may reject with there. */
  absences(): { what: string; codes: readonly string[]; make: Absence['make'] }[] {
    const absent = Object.entries(this.subject.capabilities?.absent ?? {});
    if (absent.length > 0) return absent.map(([what, { code, make }]) => ({ what, codes: [code], make }));
    const make = async (): Promise<string> => {
      const { listener, endpoint } = await this.echoServer();
      await listener.close();
      return endpoint;
    };
    return [{ what: 'an endpoint that was given up', codes: ['NOT_FOUND', 'CONNECTION_REFUSED'], make }];
  }

  /** An endpoint where nobody listens. */
  async nobody(): Promise<string> {
    const [absence] = this.absences();
    if (absence === undefined) throw new Error('unreachable');
    return absence.make();
  }

  /** Runs the action, and expects nothing that it has opened or made to be left soon after. */
  async leavesNothing(action: () => Promise<void>): Promise<void> {
    const before = resourcesNow();
    await action();
    await until(() => remains(before).length === 0).catch(() => undefined);
    assert.deepEqual([...remains(before), ...(await this.leftovers())], [], 'something is left');
  }

  /** What the transports have left in the file system or elsewhere, if the subject can tell. */
  async leftovers(): Promise<readonly string[]> {
    return (await this.subject.capabilities?.leftovers?.()) ?? [];
  }

  /** @throws what cleaning up throws; a transport that does not close in time is not waited for. */
  async end(): Promise<void> {
    const closing = this.#transports.map((transport) => transport.close({ graceMs: 0 }));
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise((resolve) => {
      timer = setTimeout(resolve, NEVER_MS / 12);
    });
    await Promise.race([Promise.allSettled(closing), late]);
    clearTimeout(timer);
    await this.subject.capabilities?.cleanUp?.();
  }
}

/** What a promise rejects with. Else `what` resolved. */
export async function rejectionOf(promise: Promise<unknown>, what = 'it'): Promise<unknown> {
  let value: unknown;
  try {
    value = await promise;
  } catch (error) {
    return error;
  }
  return assert.fail(`${what} resolved with ${String(value)}`);
}

/** Expects a promise to reject with a `TransportError` of one of these codes, and returns it. */
export function rejectsWith(promise: Promise<unknown>, ...codes: string[]): Promise<TransportError> {
  const expected = expectRejection(promise, codes);
  // A case may find something else before it comes to wait for this.
  expected.catch(() => undefined);
  return expected;
}

async function expectRejection(promise: Promise<unknown>, codes: readonly string[]): Promise<TransportError> {
  const error = await rejectionOf(promise);
  if (!TransportError.isInstance(error)) assert.fail(`it rejected with something else: ${String(error)}`);
  assert.ok(codes.includes(error.code), `the code is ${error.code}, not ${codes.join(' or ')}`);
  return error;
}
