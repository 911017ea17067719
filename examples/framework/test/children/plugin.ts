// The tests' plugin. It listens on the network of the first argument and speaks the versions of the others. On TCP, it
// listens on LISTEN_AT, by default on 127.0.0.1.
import { execFileSync } from 'node:child_process';
import { Server } from '@grpc/grpc-js';
import { tcpOptionsFromEnv, tcpTransportFactory } from '@rpcplugin/transport-tcp';
import { networks } from '../../src/networks.js';
import { serve } from '../../src/plugin.js';
import { agreed } from '../agreed.js';
import { addProbe, ask } from '../service.js';

const [network = 'unix', ...versions] = process.argv.slice(2);
const { LISTEN_AT: host = '127.0.0.1' } = process.env;

console.error('before the handshake');
await serve({
  ...agreed,
  appVersions: versions.map(Number),
  transports: [tcpTransportFactory({ ...tcpOptionsFromEnv(), host }), ...networks].filter(
    (factory) => factory.network === network,
  ),
  register: (server, version, broker) => {
    const methods: Record<string, (argument: string) => string | Promise<string>> = {
      echo: (text) => text,
      version: () => String(version),
      pid: () => String(process.pid),
      crash: () => String(process.kill(process.pid, 'SIGKILL')),
      print: (text) => {
        console.log(`out: ${text}`);
        console.error(`err: ${text}`);
        execFileSync('sh', ['-c', 'echo "out of a child"'], { stdio: 'inherit' });
        return '';
      },
      // Calls what the host serves under a number, serves the same, and answers with the number of that.
      exchange: async (number) => {
        const theirs = await broker().dial(Number(number));
        const answer = await ask({ connection: theirs }, 'echo');
        await theirs.close();
        const own = addProbe(new Server(), (request) => {
          setImmediate(() => void listener.close());
          return `${request} ${answer}`;
        });
        const ours = broker().nextService();
        const listener = await broker().serve(ours, own);
        return String(ours);
      },
    };
    addProbe(server, (request) => {
      const [name = '', ...words] = request.split(' ');
      return methods[name]?.(words.join(' ')) ?? '';
    });
  },
});
