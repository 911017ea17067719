import type { Writable } from 'node:stream';

/** What a plugin printed: go-plugin's message `StdioData`. */
export interface PluginOutput {
  /** Where it was printed. */
  readonly channel: 'STDOUT' | 'STDERR';
  /** What was printed. */
  readonly data: Buffer;
}

/** `process.stdout` or `process.stderr`, while it is sent to hosts. */
interface TakenStream {
  /** Called when a host has read what it was sent, or leaves. */
  readonly drained: (call: Writable) => void;
  readonly giveBack: () => void;
}

/** The hosts that get what this process prints. */
const hosts = new Set<Writable>();
/** Empty while there are no hosts. */
let taken: TakenStream[] = [];

/**
 * Sends what this process prints to a host, as well as to the other hosts that asked for it, until the host leaves or
 * the plugin stops; what was printed before that is still sent. While no host asks, output goes to the process's own
 * standard output and error. The output of child processes and native code always goes there.
 *
 * A writer that waits for `drain` waits for the slowest host.
 *
 * @param call - A call of go-plugin's `GRPCStdio.StreamStdio`.
 * @param stopping - Aborted when the plugin stops. The call then ends, so that the server can.
 */
export function sendOutput(call: Writable, stopping: AbortSignal): void {
  const end = (): void => {
    leave(call);
    call.end();
  };
  if (stopping.aborted) {
    end();
    return;
  }
  hosts.add(call);
  if (taken.length === 0) taken = [take('STDOUT', process.stdout), take('STDERR', process.stderr)];
  call.on('drain', () => {
    drained(call);
  });
  stopping.addEventListener('abort', end, { once: true });
  for (const event of ['cancelled', 'close', 'error']) {
    call.once(event, () => {
      stopping.removeEventListener('abort', end);
      leave(call);
    });
  }
}

function drained(call: Writable): void {
  for (const stream of taken) stream.drained(call);
}

function leave(call: Writable): void {
  if (!hosts.delete(call)) return;
  drained(call);
  if (hosts.size > 0) return;
  for (const stream of taken) stream.giveBack();
  taken = [];
}

function take(channel: PluginOutput['channel'], stream: NodeJS.WriteStream): TakenStream {
  /** The hosts that have to read before more is written to them. */
  const full = new Set<Writable>();
  const write = (chunk: string | Uint8Array, ...rest: unknown[]): boolean => {
    const encoding = typeof rest[0] === 'string' ? (rest[0] as BufferEncoding) : undefined;
    const data = typeof chunk === 'string' ? Buffer.from(chunk, encoding) : Buffer.from(chunk);
    for (const call of hosts) if (!call.write({ channel, data } satisfies PluginOutput)) full.add(call);
    const callback = rest.at(-1);
    if (typeof callback === 'function') process.nextTick(callback);
    return full.size === 0;
  };
  stream.write = write;
  return {
    drained: (call) => {
      if (full.delete(call) && full.size === 0) stream.emit('drain');
    },
    giveBack: () => {
      // That of its class is back.
      if (stream.write === write) Reflect.deleteProperty(stream, 'write');
    },
  };
}
