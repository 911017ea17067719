import { realTime } from './real-time.js';

/** The longest delay of a Node timer, in milliseconds. A longer one would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** How many turns of the event loop it takes to process input that has arrived: data, then its end, then the close. */
const LAST_TURNS = 3;

/** A time limit that has begun. */
export interface Timer {
  /** Stops it: it will not call back. */
  cancel(): void;
  /** Lets the process end before it. */
  unref(): this;
}

/**
 * Starts a time limit. It keeps the process alive until it is over or cancelled; with `Infinity`, it is never over. A
 * process that stood still for longer than the limit first processes what it has received in the meantime: otherwise
 * the limit would count the standstill, and a peer that answered in time would be too late.
 */
export function startTimer(ms: number, callback: () => void): Timer {
  let turns = LAST_TURNS;
  let immediate: NodeJS.Immediate | undefined;
  const onTurn = (): void => {
    if (turns-- === 0) callback();
    else immediate = realTime.setImmediate(onTurn);
  };
  // If nothing kept a pending promise alive, Node would exit with code 13.
  const timeout = ms > MAX_TIMER_MS ? setInterval(() => undefined, MAX_TIMER_MS) : setTimeout(onTurn, ms);
  return {
    cancel() {
      clearTimeout(timeout);
      realTime.clearImmediate(immediate);
    },
    unref() {
      timeout.unref();
      return this;
    },
  };
}
