import assert from 'node:assert/strict';
import type { Duplex } from 'node:stream';
import { TransportError } from '@rpcplugin/transport-core';
import type { ConnectOptions, ListenOptions, Transport } from '@rpcplugin/transport-core';
import { remains, resourcesNow } from './remains.js';
import { Accepted, echo } from './streams.js';
import type { Absence, Capabilities, Capability, TransportSubject } from './subject.js';
import { NEVER_MS, until } from './waiting.js';

export interface Pair {
  readonly listener: Transport;
  readonly endpoint: string;
  readonly dialer: Transport;
  /** The end that `connect` resolved with. */
  readonly near: Duplex;
  /** The end that the handler received. */
  readonly far: Duplex;
}

/** A kind of endpoint where nothing listens, and the codes that `connect` may reject with. */
export interface UnusedAddress {
  readonly what: string;
  readonly codes: readonly string[];
  readonly make: Absence['make'];
}

/** Creates transports and connections for one case, and closes them after it. */
export class Fixture {
  readonly subject: TransportSubject;
  readonly #capabilities: Capabilities;
  readonly #transports: Transport[] = [];
  #lastCreated: Transport | undefined;

  constructor(subject: TransportSubject) {
    this.subject = subject;
    this.#capabilities = subject.capabilities ?? {};
  }

  /** A capability of the subject that the case has declared to need. */
  capability<K extends Capability>(name: K): NonNullable<Capabilities[K]> {
    const given = this.#capabilities[name];
    if (given === undefined) throw new Error(`the case must declare that it needs the capability ${name}`);
    return given;
  }

  /** Creates a transport that listens on its own address. */
  async create(): Promise<Transport> {
    const transport = await this.subject.create();
    this.#transports.push(transport);
    this.#lastCreated = transport;
    return transport;
  }

  /** Creates a transport that can connect to the one that {@link create} made last. */
  async createDialer(): Promise<Transport> {
    if (this.#lastCreated === undefined || !this.hasOneConnection) return this.create();
    const transport = await this.capability('peerOf')(this.#lastCreated);
    this.#transports.push(transport);
    return transport;
  }

  /** Whether transports have one connection and no address. */
  get hasOneConnection(): boolean {
    return this.#capabilities.peerOf !== undefined;
  }

  /** Creates a transport that listens on exactly this endpoint. */
  async createAt(endpoint: string): Promise<Transport> {
    const transport = await this.capability('createAt')(endpoint);
    this.#transports.push(transport);
    return transport;
  }

  /** Creates a listener that does not answer, and resolves with its endpoint. */
  async stuck(): Promise<string> {
    return this.capability('stuck')();
  }

  /** Creates a listener that echoes. */
  async echoServer(): Promise<{ listener: Transport; endpoint: string }> {
    const listener = await this.create();
    return { listener, endpoint: await listener.listen({ onConnection: echo }) };
  }

  /** Connects a new transport to the endpoint. A case may fail before it awaits this; that must not end the process. */
  dial(endpoint: string, options?: ConnectOptions): Promise<Duplex> {
    const connecting = this.createDialer().then((dialer) => dialer.connect(endpoint, options));
    connecting.catch(() => undefined);
    return connecting;
  }

  /** Connects, reads and discards all input, and stays writable after the other side ends. */
  async dialStubborn(endpoint: string): Promise<Duplex> {
    const connection = await this.dial(endpoint, { allowHalfOpen: true });
    return connection.resume();
  }

  /** Whether a listener accepts connections at the endpoint. */
  async canConnect(endpoint: string): Promise<boolean> {
    return this.dial(endpoint, { waitMs: 0 }).then(
      (connection) => {
        connection.destroy();
        return true;
      },
      () => false,
    );
  }

  /** Connects a new dialer to a new listener. */
  async pair({ listen, connect }: { listen?: ListenOptions; connect?: ConnectOptions } = {}): Promise<Pair> {
    const accepted = new Accepted();
    const listener = await this.create();
    const endpoint = await listener.listen({ ...listen, onConnection: accepted.onConnection });
    const dialer = await this.createDialer();
    const near = await dialer.connect(endpoint, connect);
    return { listener, endpoint, dialer, near, far: await accepted.at(0) };
  }

  /** Connects a peer that does not end its connection to a new listener. */
  async stubbornPair(): Promise<{ listener: Transport; endpoint: string; far: Duplex; peer: Duplex }> {
    const accepted = new Accepted();
    const listener = await this.create();
    const endpoint = await listener.listen(accepted);
    const peer = await this.dialStubborn(endpoint);
    return { listener, endpoint, far: await accepted.at(0), peer };
  }

  /** The kinds of endpoints where nothing listens. */
  absences(): [UnusedAddress, ...UnusedAddress[]] {
    const absent = Object.entries(this.#capabilities.absent ?? {});
    const [first, ...rest] = absent.map(([what, { code, make }]) => ({ what, codes: [code], make }));
    if (first !== undefined) return [first, ...rest];
    const make = async (): Promise<string> => {
      const { listener, endpoint } = await this.echoServer();
      await listener.close();
      return endpoint;
    };
    return [{ what: 'an endpoint whose listener has closed', codes: ['NOT_FOUND', 'CONNECTION_REFUSED'], make }];
  }

  /** Creates an endpoint where nothing listens. */
  async unusedEndpoint(): Promise<string> {
    return this.absences()[0].make();
  }

  /** Runs the action. @throws AssertionError if resources that it opened stay open. */
  async leavesNothing(action: () => Promise<void>): Promise<void> {
    const before = resourcesNow();
    await action();
    await until(() => remains(before).length === 0).catch(() => undefined);
    assert.deepEqual([...remains(before), ...(await this.leftovers())], [], 'resources are left behind');
  }

  /** Lists what the transports left behind, such as files, if the subject reports it. */
  async leftovers(): Promise<readonly string[]> {
    return (await this.#capabilities.leftovers?.()) ?? [];
  }

  /** Cleans up, if the subject needs that. */
  async cleanUp(): Promise<void> {
    await this.#capabilities.cleanUp?.();
  }

  /** Closes the transports, without waiting for those that hang, and cleans up. @throws what `cleanUp` throws. */
  async end(): Promise<void> {
    const closing = this.#transports.map((transport) => transport.close({ graceMs: 0 }));
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise((resolve) => {
      timer = setTimeout(resolve, NEVER_MS / 12);
    });
    await Promise.race([Promise.allSettled(closing), late]);
    clearTimeout(timer);
    await this.cleanUp();
  }
}

/** Resolves with the rejection of a promise. @throws AssertionError if the promise resolves; it names `what`. */
export async function rejectionOf(promise: Promise<unknown>, what = 'the call'): Promise<unknown> {
  let value: unknown;
  try {
    value = await promise;
  } catch (error) {
    return error;
  }
  return assert.fail(`${what} resolved with ${String(value)}`);
}

/** Expects a promise to reject with a `TransportError` of one of these codes, and resolves with that error. */
export function rejectsWith(promise: Promise<unknown>, ...codes: string[]): Promise<TransportError> {
  const expected = expectRejection(promise, codes);
  // A case may fail before it awaits this; the rejection must not crash the process.
  expected.catch(() => undefined);
  return expected;
}

async function expectRejection(promise: Promise<unknown>, codes: readonly string[]): Promise<TransportError> {
  const error = await rejectionOf(promise);
  if (!TransportError.isInstance(error)) assert.fail(`expected a TransportError, got ${String(error)}`);
  assert.ok(codes.includes(error.code), `expected the code ${codes.join(' or ')}, got ${error.code}`);
  return error;
}
