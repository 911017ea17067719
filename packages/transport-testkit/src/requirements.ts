import type { Capability } from './subject.js';

/** One requirement of the contract that every transport meets. */
export interface Requirement {
  /** Its name in cases, failures and documentation. */
  readonly id: string;
  /** What must hold. */
  readonly statement: string;
  /** The capability that a transport must have for the requirement to apply; `undefined` if it always applies. */
  readonly capability?: Capability;
}

/** The contract of a transport: listening (L), connecting (C), closing (X) and errors (E). */
export const requirements = [
  {
    id: 'L1',
    statement:
      'listen resolves once the address accepts connections, not earlier, with the canonical endpoint, which is also ' +
      '`endpoint`.',
  },
  {
    id: 'L2',
    statement: 'Another transport or process on the same host can connect to the endpoint that listen returned.',
  },
  {
    id: 'L3',
    statement:
      'Each accepted connection reaches the handler exactly once, before any data flows, so that no early data is ' +
      'lost. With pauseOnConnect, none flows until it is resumed. Without a handler, input is discarded and the ' +
      'connection ends when its peer does.',
  },
  {
    id: 'L4',
    statement: 'While listening, a second listen rejects with ALREADY_LISTENING and does not disturb the first.',
  },
  {
    id: 'L5',
    statement:
      'listen rejects with ADDRESS_IN_USE for an address in use, whose holder keeps its name and its connections.',
    capability: 'createAt',
  },
  {
    id: 'L6',
    statement:
      'A pending listen that is aborted or closed rejects and leaves nothing bound. Once it has settled, its signal ' +
      'has no effect.',
  },
  {
    id: 'L7',
    statement: 'A handler that throws or rejects loses only its own connection.',
  },
  {
    id: 'C1',
    statement:
      'connect resolves with a connected duplex: data flows both ways with backpressure, never within the write ' +
      'itself, half-close follows allowHalfOpen, and with pauseOnConnect it is paused. It carries HTTP/2.',
  },
  {
    id: 'C2',
    statement:
      'connect rejects with INVALID_ENDPOINT for a malformed endpoint or one of another network, before any I/O.',
    capability: 'malformed',
  },
  {
    id: 'C3',
    statement:
      'If nothing listens, connect rejects with NOT_FOUND or CONNECTION_REFUSED after waitMs and names the address.',
  },
  {
    id: 'C4',
    statement: 'connect rejects with TIMEOUT after timeoutMs and leaves no connection open.',
  },
  {
    id: 'C5',
    statement:
      "An abort rejects with ABORTED and the signal's reason as cause. With an aborted signal there is no I/O at all.",
  },
  {
    id: 'C6',
    statement: 'In a burst of connects, more than the backlog holds, every connect succeeds within the time limit.',
  },
  {
    id: 'C7',
    statement: 'connect reaches an endpoint that appears within waitMs, a few milliseconds after it appears.',
    capability: 'createAt',
  },
  {
    id: 'C8',
    statement:
      'A transport with one connection rejects any other listen or connect with CLOSED, and keeps the connection.',
    capability: 'peerOf',
  },
  {
    id: 'X1',
    statement:
      'close is idempotent; concurrent callers share one outcome; a later call can shorten the grace period but not ' +
      'lengthen it.',
  },
  {
    id: 'X2',
    statement:
      'close releases the address, then ends every connection: data written before reaches a peer that reads, unread ' +
      'input is discarded, and connections still open after graceMs are destroyed.',
  },
  {
    id: 'X3',
    statement:
      'After close, a transport leaves no descriptor, timer, file or directory, and the process can exit by itself.',
  },
  {
    id: 'X4',
    statement:
      'When the transport is closed, a pending listen or connect rejects with CLOSED, as does every later one.',
  },
  {
    id: 'X5',
    statement: '`await using` works. stopListening is idempotent, releases the address and keeps the connections.',
  },
  {
    id: 'E1',
    statement:
      'Every rejection is a TransportError with a code, the endpoint if one is known, the underlying error as cause, ' +
      'and a hint if a person can fix it.',
  },
  {
    id: 'E2',
    statement: 'An error on a connection without an error listener never ends the process.',
  },
] as const satisfies readonly Requirement[];

/** The id of a requirement: `L1` to `E2`. */
export type RequirementId = (typeof requirements)[number]['id'];
