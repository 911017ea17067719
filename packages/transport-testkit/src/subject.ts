import type { Duplex } from 'node:stream';
import type { Transport, TransportErrorCode } from '@rpcplugin/transport-core';

/** A transport to test against the contract. */
export interface TransportSubject<C extends Duplex = Duplex> {
  /** Creates a transport that listens on its own address, a new one each time. It is closed after the case. */
  create(): Transport<C> | Promise<Transport<C>>;
  /** What else the transport can do. Cases that need a missing capability are left out. */
  readonly capabilities?: Capabilities<C> | undefined;
}

/** What some transports cannot do, or some tests cannot set up. */
export interface Capabilities<C extends Duplex = Duplex> {
  /** Matches the endpoints that `listen` resolves with. */
  readonly canonical?: RegExp | undefined;
  /** Creates a transport that listens on exactly this endpoint. */
  createAt?: ((endpoint: string) => Transport<C> | Promise<Transport<C>>) | undefined;
  /**
   * For a transport with one connection and no address, such as one over an inherited descriptor: creates the transport
   * that connects to one of `create`. Cases that need an address are left out.
   */
  peerOf?(transport: Transport<C>): Transport<C> | Promise<Transport<C>>;
  /** Texts that are not endpoints. */
  readonly malformed?: readonly string[] | undefined;
  /** Valid endpoints of other networks. */
  readonly foreign?: readonly string[] | undefined;
  /**
   * Endpoints where nothing listens, by name. Default: an endpoint whose listener was closed, with either of the codes
   * `NOT_FOUND` and `CONNECTION_REFUSED`. Give this if another process could take such an address at once.
   */
  readonly absent?: Readonly<Record<string, Absence>> | undefined;
  /**
   * Creates a listener of any kind that neither accepts nor refuses connections for now, and resolves with its
   * endpoint. `cleanUp` must remove it. `leftovers` must not report its resources.
   */
  stuck?: (() => string | Promise<string>) | undefined;
  /** Lists what the transports of `create` left behind, such as files. Called when none of them is bound. */
  leftovers?: (() => readonly string[] | Promise<readonly string[]>) | undefined;
  /** A module that exports this subject, for cases that run in another process: Node, started with `execArgv`. */
  readonly module?: SubjectModule | undefined;
  /** Cleans up after each case, once its transports are closed. */
  cleanUp?: (() => void | Promise<void>) | undefined;
}

/** A kind of endpoint where nothing listens. */
export interface Absence {
  /** The code that `connect` rejects with. */
  readonly code: TransportErrorCode;
  /** Creates an endpoint where nothing listens. A transport of `createAt`, if that is given, can listen there. */
  readonly make: () => string | Promise<string>;
}

/** A module that exports a {@link TransportSubject}. */
export interface SubjectModule {
  /** Where the module is. */
  readonly url: string | URL;
  /** The name of the export. Default: `default`. */
  readonly name?: string | undefined;
  /** Arguments that Node needs to load it, such as a TypeScript loader. Default: none. */
  readonly execArgv?: readonly string[] | undefined;
}

/** The name of a capability. */
export type Capability = keyof Capabilities;
