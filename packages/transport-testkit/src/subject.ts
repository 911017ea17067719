import type { Duplex } from 'node:stream';
import type { Transport, TransportErrorCode } from '@rpcplugin/transport-core';

/** A transport that is put through the contract. */
export interface TransportSubject<C extends Duplex = Duplex> {
  /**
   * Makes a transport that listens on an address of its own, a new one each time. What it made is closed after each case.
   */
  create(): Transport<C> | Promise<Transport<C>>;
  /** What else the transport is able to do. Cases that need what is not here are left out. */
  readonly capabilities?: Capabilities<C> | undefined;
}

/** What not every transport is able to do, or not every test to show. */
export interface Capabilities<C extends Duplex = Duplex> {
  /** What the endpoints that `listen` resolves with look like. */
  readonly canonical?: RegExp | undefined;
  /** Makes a transport that listens on exactly this endpoint. */
  createAt?: ((endpoint: string) => Transport<C> | Promise<Transport<C>>) | undefined;
  /** Texts that are no endpoints. */
  readonly malformed?: readonly string[] | undefined;
  /** Good endpoints of other networks. */
  readonly foreign?: readonly string[] | undefined;
  /**
   * What can be where nobody listens, by name. Default: an endpoint whose listener has been closed, with either code; give this if
   * somebody else could take such an address at once.
   */
  readonly absent?: Readonly<Record<string, Absence>> | undefined;
  /**
   * Makes a listener, of whatever kind, that for now neither lets anybody in nor turns anybody away, and resolves with its endpoint.
   * It is to be gone at `cleanUp`, and what it has is nothing that `leftovers` would find.
   */
  stuck?: (() => string | Promise<string>) | undefined;
  /** What the transports of `create` have left, in the file system say; none is bound when this is called. */
  leftovers?: (() => readonly string[] | Promise<readonly string[]>) | undefined;
  /**
   * Where another process finds this subject: a module that exports it. The process is Node, started with `execArgv`.
   */
  readonly module?: SubjectModule | undefined;
  /** Tidies up after each case, when its transports have been closed. */
  cleanUp?: (() => void | Promise<void>) | undefined;
}

export interface Absence {
  /** The code that `connect` rejects with. */
  readonly code: TransportErrorCode;
  /** Makes an endpoint where nobody listens, and where a transport of `createAt`, if there is that, could begin to. */
  readonly make: () => string | Promise<string>;
}

export interface SubjectModule {
  readonly url: string | URL;
  /** The name of the export. Default: `default`. */
  readonly name?: string | undefined;
  /** What Node needs to load it, such as a loader for TypeScript. Default: nothing. */
  readonly execArgv?: readonly string[] | undefined;
}

/** The name of a capability. */
export type Capability = keyof Capabilities;
