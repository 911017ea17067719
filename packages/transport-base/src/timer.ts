/** The longest delay of a Node timer, in milliseconds. A longer one would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * A timer that keeps the process alive until it fires or is cleared. Beyond what a Node timer takes, it never fires.
 */
export function startTimer(ms: number, callback: () => void): NodeJS.Timeout {
  // If nothing kept a pending promise alive, Node would exit with code 13.
  return ms > MAX_TIMER_MS ? setInterval(() => undefined, MAX_TIMER_MS) : setTimeout(callback, ms);
}
