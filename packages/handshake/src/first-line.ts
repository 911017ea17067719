import type { ChildProcess } from 'node:child_process';
import type { Readable } from 'node:stream';
import { quote, showLines } from '@rpcplugin/printable';
import { Operation, startTimer, toTransportError } from '@rpcplugin/transport-base';
import type { OperationOptions } from '@rpcplugin/transport-base';
import { TransportError } from '@rpcplugin/transport-core';

const LINE_FEED = 0x0a;

/** More than `parseHandshakeLine` takes. */
const MAX_BYTES = 2 ** 17;

/** How much of its standard error an error shows, in characters. */
const TAIL_CHARS = 1000;

/** How long a plugin that closed its standard output may take to exit before its error, in milliseconds. */
const EXIT_MS = 1000;

/**
 * The first line that a process prints, or the beginning of one that is too long. What follows stays in the stream.
 *
 * Only the end of standard output means that no line will come. The exit of the process does not: a shell script may
 * have started the plugin and left.
 */
export function firstLine(plugin: ChildProcess, stdout: Readable, options: OperationOptions): Promise<string> {
  const name = quote(plugin.spawnfile);
  const chunks: Buffer[] = [];
  const printed = (): string => String(Buffer.concat(chunks));
  const undo: (() => void)[] = [];
  const stop = (): void => {
    for (const step of undo.splice(0)) step();
  };
  return new Promise<string>((resolve, reject) => {
    const operation = new Operation(`the handshake with ${name}`, {
      ...options,
      get timeoutHint() {
        const ended = endingOf(plugin);
        if (ended !== undefined) return `The plugin ${ended}, but another process has its standard output.`;
        return chunks.length === 0
          ? 'The plugin runs, but has printed nothing on standard output. Raise timeoutMs if it needs longer to start.'
          : `The plugin has printed ${quote(printed())} without a line break.`;
      },
    });
    undo.push(operation.onCancel(reject), () => {
      operation.end();
    });

    let bytes = 0;
    const onReadable = (): void => {
      for (let chunk = next(); chunk !== null; chunk = next()) {
        const end = chunk.indexOf(LINE_FEED);
        chunks.push(end < 0 ? chunk : chunk.subarray(0, end));
        bytes += chunk.length;
        if (end < 0 && bytes <= MAX_BYTES) continue;
        // First, or the listener would read what is put back.
        stop();
        if (end >= 0 && end + 1 < chunk.length) stdout.unshift(chunk.subarray(end + 1));
        resolve(printed());
        return;
      }
    };
    const next = (): Buffer | null => stdout.read() as Buffer | null;

    const tail = tailOf(plugin.stderr, undo);
    const onEnd = (): void => {
      // A stream that ends closes as well.
      stdout.off('close', onEnd);
      const fail = (): void => {
        reject(endedError(plugin, printed(), tail()));
      };
      const timer = startTimer(EXIT_MS, fail);
      plugin.once('close', fail);
      undo.push(
        () => plugin.off('close', fail),
        () => {
          timer.cancel();
        },
      );
    };
    const onError = (error: unknown): void => {
      reject(toTransportError(error, `read the standard output of ${name}`));
    };
    stdout.on('readable', onReadable).once('end', onEnd).once('close', onEnd).once('error', onError);
    undo.push(() => stdout.off('readable', onReadable).off('end', onEnd).off('close', onEnd).off('error', onError));
  }).finally(stop);
}

/** Collects the end of a stream that something reads already. Nothing else is read: its later reader would lose it. */
function tailOf(stream: Readable | null, undo: (() => void)[]): () => string {
  let text = '';
  const onData = (chunk: Buffer | string): void => {
    text = (text + String(chunk)).slice(-TAIL_CHARS);
  };
  if (stream !== null && stream.readableFlowing !== null) {
    stream.on('data', onData);
    undo.push(() => stream.off('data', onData));
  }
  return () => text.trim();
}

/** Why a process could not be started: it emits its error once, in a later turn. */
export function startError(plugin: ChildProcess): Promise<TransportError> {
  return new Promise((resolve) => {
    plugin.once('error', (error) => {
      resolve(toTransportError(error, `start ${quote(plugin.spawnfile)}`));
    });
  });
}

/** How a process ended; `undefined` while it runs. */
function endingOf({ exitCode, signalCode }: ChildProcess): string | undefined {
  if (signalCode !== null) return `was killed by ${signalCode}`;
  return exitCode === null ? undefined : `exited with code ${exitCode}`;
}

function endedError(plugin: ChildProcess, printed: string, tail: string): TransportError {
  const { spawnfile } = plugin;
  const ending = endingOf(plugin) ?? 'closed its standard output';
  const text = printed === '' ? '' : `, after printing ${quote(printed)}`;
  return new TransportError('IO', `${quote(spawnfile)} ${ending} before its handshake line was complete${text}`, {
    hint:
      tail === ''
        ? 'Look at its standard error. Is the program a plugin, and built for this machine?'
        : `Its standard error ends with:\n${showLines(tail)}`,
  });
}
