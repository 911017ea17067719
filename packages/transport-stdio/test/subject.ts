import { sourceLoader } from '@rpcplugin/test-support/process';
import type { TransportSubject } from '@rpcplugin/transport-testkit';
import { StdioTransport } from '../src/index.js';
import type { Ends } from './ends.js';

/** How many connections to hold ready: more than a case takes, since a case counts what it opens. */
const READY = 40;

/** A subject whose connections are made before each case. */
export async function subjectOver(
  make: (count: number) => readonly Ends[] | Promise<readonly Ends[]>,
  module?: { readonly url: string; readonly name: string },
): Promise<TransportSubject> {
  const ready = [...(await make(READY))];
  const used: Ends[] = [];
  const others = new Map<unknown, StdioTransport>();
  return {
    create: async () => {
      const next = ready.pop() ?? (await make(1))[0];
      if (next === undefined) throw new Error('unreachable');
      used.push(next);
      const [own, other] = next.ends.map((options) => new StdioTransport(options)) as [StdioTransport, StdioTransport];
      others.set(own, other);
      return own;
    },
    capabilities: {
      canonical: /^stdio:$/,
      peerOf: (transport) => {
        const other = others.get(transport);
        if (other === undefined) throw new Error('the transport is not that of create');
        return other;
      },
      malformed: ['', 'stdio', 'stdio:3', 'STDIO:', ' stdio:', 'stdio://'],
      foreign: ['127.0.0.1:1', 'unix:/tmp/s', '/tmp/s'],
      ...(module && { module: { ...module, execArgv: sourceLoader } }),
      cleanUp: async () => {
        others.clear();
        for (const { close } of used) close();
        ready.push(...(await make(used.splice(0).length)));
      },
    },
  };
}
