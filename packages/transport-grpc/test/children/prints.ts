// A plugin that sends what it prints to "hosts" in the same process. Prints what they got, as JSON, on descriptor 3.
// Argument: the situation.
import { writeSync } from 'node:fs';
import { Readable, Writable } from 'node:stream';
import { sendOutput } from '../../src/index.js';
import type { PluginOutput } from '../../src/index.js';

/** In place of a call: it takes a turn for each chunk. */
class Host extends Writable {
  received = '';
  constructor() {
    super({ objectMode: true, highWaterMark: 2 });
  }
  override _write({ channel, data }: PluginOutput, _: string, done: () => void): void {
    this.received += `${channel === 'STDERR' ? 'E:' : ''}${String(data)}`;
    setImmediate(done);
  }
}

const stopping = new AbortController();
const host = new Host();
const other = new Host();
const print = (text: string): boolean => process.stdout.write(text);
const ended = (each: Host): Promise<void> => new Promise((resolve) => each.once('finish', resolve));

const situations: Record<string, () => Promise<unknown>> = {
  'stops with much to send': async () => {
    sendOutput(host, stopping.signal);
    for (let i = 0; i < 1000; i++) print('x'.repeat(100));
    process.stderr.write('last');
    stopping.abort();
    print('to the pipe');
    await ended(host);
    return [host.received.length, host.received.slice(-6)];
  },
  'pipes a stream': async () => {
    sendOutput(host, stopping.signal);
    const source = Readable.from(Array.from({ length: 500 }, () => 'y'.repeat(100)));
    source.pipe(process.stdout, { end: false });
    await new Promise((resolve) => source.once('end', resolve));
    stopping.abort();
    await ended(host);
    return host.received.length;
  },
  'has two hosts, of which one leaves': async () => {
    sendOutput(host, stopping.signal);
    sendOutput(other, stopping.signal);
    print('both ');
    host.emit('cancelled');
    await new Promise((resolve) => process.stdout.write('one ', resolve));
    other.emit('cancelled');
    print('to the pipe');
    await new Promise((resolve) => setTimeout(resolve, 10));
    return [host.received, other.received];
  },
  'has stopped': async () => {
    stopping.abort();
    sendOutput(host, stopping.signal);
    print('to the pipe');
    await ended(host);
    return host.received;
  },
};

writeSync(3, JSON.stringify(await situations[process.argv[2] ?? '']?.()));
