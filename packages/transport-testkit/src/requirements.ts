import type { Capability } from './subject.js';

/** One requirement of the contract that every transport keeps. */
export interface Requirement {
  /** What cases, failures and documents call it. */
  readonly id: string;
  /** What must hold. */
  readonly statement: string;
  /** What a transport must be able to do for the requirement to concern it; `undefined`: it concerns all. */
  readonly capability?: Capability;
}

/** The contract of a transport: listening (L), connecting (C), closing (X) and errors (E). */
export const requirements = [
  {
    id: 'L1',
    statement:
      'listen resolves only once the address accepts connections, with the canonical endpoint, which is also `endpoint`.',
  },
  {
    id: 'L2',
    statement:
      'The endpoint of a listener, given to connect of another instance or process on the same host, reaches it.',
  },
  {
    id: 'L3',
    statement:
      'Each accepted connection reaches the handler exactly once, not yet flowing, so that nothing of what the peer sent early is ' +
      'lost. Without a handler, input is discarded and the connection ends with its peer.',
  },
  {
    id: 'L4',
    statement: 'A second listen while listening rejects ALREADY_LISTENING; the first goes on undisturbed.',
  },
  {
    id: 'L5',
    statement: 'An address in use rejects ADDRESS_IN_USE; its holder keeps its name and its connections.',
    capability: 'createAt',
  },
  {
    id: 'L6',
    statement:
      'A listen that is aborted or closed while pending rejects, and nothing stays bound. Once settled, the signal does nothing.',
  },
  {
    id: 'L7',
    statement: 'A handler that throws or rejects costs its own connection, nothing else.',
  },
  {
    id: 'C1',
    statement:
      'connect resolves with a connected duplex; bytes flow both ways, with backpressure; half-close as allowHalfOpen says.',
  },
  {
    id: 'C2',
    statement: 'A malformed endpoint, or one of another network, rejects INVALID_ENDPOINT before any I/O.',
    capability: 'malformed',
  },
  {
    id: 'C3',
    statement:
      'Where nobody listens, connect rejects NOT_FOUND or CONNECTION_REFUSED, after waitMs, naming the address.',
  },
  {
    id: 'C4',
    statement: 'timeoutMs is kept: connect rejects TIMEOUT and leaves no connection behind.',
  },
  {
    id: 'C5',
    statement: "An abort rejects ABORTED with the signal's reason as cause; an aborted signal means no I/O at all.",
  },
  {
    id: 'C6',
    statement:
      'A burst of connects, more than a listener holds until it accepts them, all succeed within the time limit.',
  },
  {
    id: 'C7',
    statement: 'An endpoint that appears within waitMs is reached within milliseconds of appearing.',
    capability: 'createAt',
  },
  {
    id: 'X1',
    statement:
      'close is idempotent; concurrent callers share one outcome; a later caller can shorten the grace, never lengthen it.',
  },
  {
    id: 'X2',
    statement:
      'close gives up the address, then ends every connection: what was written before arrives at a peer that reads, unread ' +
      'input is discarded, and what is left at graceMs is destroyed.',
  },
  {
    id: 'X3',
    statement:
      'After close nothing of a transport remains: no descriptor, timer, file or directory; the process can end by itself.',
  },
  {
    id: 'X4',
    statement: 'A pending listen and connect reject CLOSED when the transport is closed, as does every later call.',
  },
  {
    id: 'X5',
    statement: '`await using` works. stopListening is idempotent, frees the address, and keeps connections.',
  },
  {
    id: 'E1',
    statement:
      'Every rejection is a TransportError with a code, the endpoint where one is known, the error beneath as cause, and a hint where ' +
      'a person can act.',
  },
  {
    id: 'E2',
    statement: 'An error on a connection that nobody listens to never ends the process.',
  },
] as const satisfies readonly Requirement[];

/** The id of a requirement: `L1` to `E2`. */
export type RequirementId = (typeof requirements)[number]['id'];
