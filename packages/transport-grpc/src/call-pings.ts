import type { Http2Session } from 'node:http2';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { ChannelOptions } from '@grpc/grpc-js';
import { durationOption, invalidOption, startTimer } from '@rpcplugin/transport-base';
import type { Timer } from '@rpcplugin/transport-base';

/**
 * How often to ping by default, in milliseconds. Servers in Go disconnect a client that pings more often than every
 * five minutes (`MinTime` of grpc-go's keepalive.EnforcementPolicy), as they count.
 */
const INTERVAL_MS = 310_000;
/** How long nothing may arrive after a ping, at most, in milliseconds. */
const ANSWER_MS = 50_000;

/** The option `pingIntervalMs` of a server, in milliseconds. @throws TransportError `INVALID_ARGUMENT` */
export function pingIntervalOption(value: number | undefined, defaultMs = INTERVAL_MS): number {
  const intervalMs = durationOption('pingIntervalMs', value, defaultMs);
  if (intervalMs < 1) throw invalidOption('pingIntervalMs', value, 'Give at least 1, or Infinity for no pings.');
  return intervalMs;
}

/** That of a client, whose channel options may have pings of gRPC's own. @throws TransportError `INVALID_ARGUMENT` */
export function clientPingInterval(options: {
  readonly pingIntervalMs?: number | undefined;
  readonly channelOptions?: ChannelOptions | undefined;
}): number {
  const hasOwn = options.channelOptions?.['grpc.keepalive_time_ms'] !== undefined;
  return pingIntervalOption(options.pingIntervalMs, hasOwn ? Infinity : INTERVAL_MS);
}

/**
 * Finds out that the machine at the other end of a TCP connection has vanished, by pings during calls. When nothing is
 * sent, the kernel's keep-alive finds out. It does nothing as long as it waits for the acknowledgement of data, for a
 * quarter of an hour.
 */
export class CallPings {
  readonly #socket: Socket;
  readonly #session: Http2Session;
  readonly #intervalMs: number;
  readonly #lose: () => void;
  /** When the next ping is due. */
  #due: number;
  #isBusy = false;
  /** Until the next ping is due, or until its answer is. */
  #timer: Pick<Timer, 'cancel'> | undefined;
  #isAsking = false;

  /** @param lose - Called if the peer does not answer. */
  constructor(socket: Socket, session: Http2Session, intervalMs: number, lose: () => void) {
    this.#socket = socket;
    this.#session = session;
    this.#intervalMs = intervalMs;
    this.#lose = lose;
    this.#due = performance.now() + intervalMs;
    session.once('close', () => this.#timer?.cancel());
  }

  /** Called when the first call begins, with `true`, and when the last one has ended. */
  setBusy(isBusy: boolean): void {
    this.#isBusy = isBusy;
    // A call may end by its deadline before the answer is due.
    if (!this.#isAsking) this.#wait();
  }

  #wait(): void {
    this.#timer?.cancel();
    if (!this.#isBusy) return;
    const ask = (): void => {
      this.#ask();
    };
    const waitMs = this.#due - performance.now();
    if (waitMs > 0) {
      this.#timer = startTimer(waitMs, ask).unref();
      return;
    }
    // A turn after the call began, because a server in Go has to know of a call when it gets a ping. A timer could take
    // longer than a call with a short deadline, each time.
    const immediate = setImmediate(ask);
    this.#timer = {
      cancel: () => {
        clearImmediate(immediate);
      },
    };
  }

  #ask(): void {
    if (this.#session.destroyed) return;
    this.#isAsking = true;
    this.#session.ping((error) => {
      if (error !== null) return;
      this.#isAsking = false;
      // From the answer on, which is later than the server counts from.
      this.#due = performance.now() + this.#intervalMs;
      this.#wait();
    });
    this.#awaitAnswer();
  }

  /** Whatever arrives shows that the peer is there. On a slow line, the answer comes after what was sent before it. */
  #awaitAnswer(): void {
    const { bytesRead } = this.#socket;
    this.#timer = startTimer(Math.min(this.#intervalMs, ANSWER_MS), () => {
      if (this.#socket.bytesRead === bytesRead) this.#lose();
      else this.#awaitAnswer();
    }).unref();
  }
}

/** The pings of a connection. There are none on a connection that is no TCP socket, which cannot lose a machine. */
export function callPings(
  connection: Duplex,
  session: Http2Session,
  intervalMs: number,
  lose: () => void,
): CallPings | undefined {
  const isTcp = connection instanceof Socket && connection.remoteFamily !== undefined;
  return isTcp && intervalMs !== Infinity ? new CallPings(connection, session, intervalMs, lose) : undefined;
}
