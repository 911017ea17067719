import { subscribe } from 'node:diagnostics_channel';
import { writeSync } from 'node:fs';
import { debuglog } from 'node:util';
import { showLine } from '@rpcplugin/printable';
import { TransportError } from '@rpcplugin/transport-core';
import type { TransportMessage } from '@rpcplugin/transport-core';
import { messageOf } from './system-errors.js';

/** What each line begins with, or what says nothing to a reader. */
const NOT_DETAILS = ['transport', 'connection', 'network', 'endpoint'];

/** Marks a process that prints, for several copies of this package in it. */
const printing = Symbol.for('@rpcplugin/transport-base:printing');

/** Prints each message of these channels on standard error if the environment variable `NODE_DEBUG` has `rpcplugin`. */
export function printIfAsked(channels: readonly string[]): void {
  if (!debuglog('rpcplugin').enabled || printing in globalThis) return;
  Object.assign(globalThis, { [printing]: true });
  for (const channel of channels) {
    subscribe(channel, (message) => {
      print(channel.slice(channel.lastIndexOf(':') + 1), message as TransportMessage);
    });
  }
}

function print(event: string, message: TransportMessage): void {
  const subject = [event, message.network, message.endpoint].filter((part) => part !== undefined).join(' ');
  const details = Object.entries(message)
    .filter(([name, value]: [string, unknown]) => value !== undefined && !NOT_DETAILS.includes(name))
    .map(([name, value]) => `${name}: ${text(value)}`);
  const line = showLine([subject, ...details].join(', '));
  try {
    // As `debuglog` does, but not on `process.stderr`, whose EPIPE ends the process once its reader has closed it.
    writeSync(2, `RPCPLUGIN ${process.pid}: ${line}\n`);
  } catch {
    // Nobody reads.
  }
}

function text(value: unknown): string {
  if (typeof value === 'number') return String(Math.round(value));
  if (!TransportError.isInstance(value)) return messageOf(value);
  return [value.code, value.message, value.hint].filter((part) => part !== undefined).join(': ');
}
