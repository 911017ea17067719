import { connect } from 'node:net';
import type { NetConnectOpts, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { errnoOf, errorCodeOf } from './errno.js';
import { TransportError } from './errors.js';
import { eventOf } from './event-of.js';
import { FileWatch, statsAt } from './file-watch.js';
import { connectHints } from './hints.js';
import type { Operation } from './operation.js';
import { quote } from './quote.js';
import { assertSocketPathFits } from './socket-path.js';

/**
 * One attempt to connect a socket to one address, given up with the operation, leaving no socket then.
 * Rejects with the system error, or with a `TransportError` where that says more: `PATH_TOO_LONG` before any I/O, and
 * `NOT_A_SOCKET` for a regular file, which connect(2) reports as if a listener had gone. For a host by its name see `lookupFailure`.
 */
export async function connectSocket(options: NetConnectOpts, operation: Operation): Promise<Socket> {
  operation.throwIfGivenUp();
  const path = 'path' in options ? options.path : undefined;
  if (path !== undefined) assertSocketPathFits(path);
  const socket = connect(options);
  const giveUp = (failure: Error): void => {
    socket.destroy(failure);
  };
  operation.onGiveUp.add(giveUp);
  try {
    await eventOf(socket, 'connect');
    return socket;
  } catch (error) {
    throw explain(error, path);
  } finally {
    operation.onGiveUp.delete(giveUp);
  }
}

function explain(error: unknown, path: string | undefined): unknown {
  const errno = errnoOf(error);
  // The listener went while the connection waited in its backlog to be accepted.
  if (errno === 'ECONNRESET') {
    return new TransportError('CONNECTION_REFUSED', 'the listener has gone', {
      hint: connectHints.CONNECTION_REFUSED,
      cause: error,
    });
  }
  // If it can not be told, the error at hand says more.
  if (errno === 'ECONNREFUSED' && path !== undefined && statsAt(path)?.isSocket() === false) {
    return new TransportError('NOT_A_SOCKET', `${quote(path)} is not a socket`, {
      endpoint: `unix:${path}`,
      hint: connectHints.NOT_A_SOCKET,
      cause: error,
    });
  }
  return error;
}

export interface DialOptions {
  /** For how many milliseconds an address that is missing or refuses is tried again. */
  waitMs: number;
  /** How many milliseconds to leave between two such attempts. */
  pollMs: number;
  /** The path of the socket's file, if it has one: while that does not change, there is no point in most attempts. */
  path?: string | undefined;
}

/** For how long a file is new, in milliseconds: whoever has bound a socket to it may be about to listen. */
const NEW_FILE_MS = 1000;
/** How long to leave between two attempts at a stale socket, in milliseconds. Few listen on one without making it anew. */
const STALE_POLL_MS = 50;

/**
 * Attempts until one succeeds, the error is not one that passes, or the operation is given up.
 *
 * A full backlog (EAGAIN, unix sockets only: see connect(2)) passes as soon as the listener accepts, and is always tried
 * again; an address that is missing or refuses, for `waitMs`.
 */
export async function dial<C>(
  attempt: () => Promise<C>,
  operation: Operation,
  { waitMs, pollMs, path }: DialOptions,
): Promise<C> {
  const waitUntil = performance.now() + waitMs;
  let file: FileWatch | undefined;
  try {
    for (let backlogFull = 0; ;) {
      // Not looked at before the first attempt, which mostly succeeds: if something refuses there, the second follows at once.
      const state = file?.state() ?? '';
      let waiting: Promise<void>;
      try {
        return await attempt();
      } catch (error) {
        operation.throwIfGivenUp();
        operation.lastFailure = error;
        const leftMs = waitUntil - performance.now();
        if (errnoOf(error) === 'EAGAIN') waiting = pause(backlogDelayMs(backlogFull++), operation.signal);
        else if (!isAbsent(error) || leftMs <= 0) throw error;
        else if (path === undefined) waiting = pause(pollMs, operation.signal);
        else {
          file ??= new FileWatch(path);
          waiting = file.change(state, Math.min(leftMs, retryMs(error, file, pollMs)), operation.signal);
        }
      }
      await waiting;
      operation.throwIfGivenUp();
    }
  } finally {
    file?.close();
  }
}

/** How long to leave until the next attempt at a file that does not change. */
function retryMs(error: unknown, file: FileWatch, pollMs: number): number {
  if (errorCodeOf(error) === 'NOT_FOUND') return Infinity;
  return file.ageMs() < NEW_FILE_MS ? pollMs : STALE_POLL_MS;
}

/** Resolves after so many milliseconds, or when `signal` fires. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined);
}

function isAbsent(error: unknown): boolean {
  const code = errorCodeOf(error);
  return code === 'NOT_FOUND' || code === 'CONNECTION_REFUSED';
}

/**
 * Short at first and growing to a quarter of a second, so that a burst is spread over what the listener can accept and does not
 * take up the machine with attempts; and random, so that it does not come again as a burst.
 */
function backlogDelayMs(failures: number): number {
  return 2 ** Math.min(failures, 8) * (0.5 + Math.random() / 2);
}
