import { Writable } from 'node:stream';
import type { ServerWritableStream } from '@grpc/grpc-js';
import type { StdioData } from './generated/plugin/StdioData.js';

/**
 * Sends what this process prints to a host, until the host leaves or the plugin stops. Before and after, it goes to the
 * pipes. What child processes and native code print always does.
 */
export function sendOutput(call: ServerWritableStream<unknown, StdioData>, stopping: AbortSignal): void {
  for (const [channel, stream] of [['STDOUT', process.stdout] as const, ['STDERR', process.stderr] as const]) {
    const sink = new Writable({
      write: (data: Buffer, _, done) => {
        if (call.write({ channel, data })) done();
        else call.once('drain', done);
      },
    });
    stream.write = sink.write.bind(sink);
    const end = (): void => {
      // That of its class is back.
      Reflect.deleteProperty(stream, 'write');
      call.end();
    };
    call.once('cancelled', end);
    stopping.addEventListener('abort', end);
  }
}
