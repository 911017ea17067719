import { createServer } from 'node:http';
import type { Socket } from 'node:net';
import { parseEndpoint } from '@rpcplugin/endpoint-utils';
import { run, spawnProgram } from '@rpcplugin/test-support';
import type { CommandLine } from '@rpcplugin/test-support';
import { describe, expect, it } from 'vitest';
import { describeInterop } from '../src/describe-interop.js';
import { peers } from '../src/peers.js';
import { hashOf, hashOfStream, largeData } from './large.js';
import { networks } from './networks.js';
import type { Network } from './networks.js';

interface Site {
  /** The start of a command line. */
  readonly curl: CommandLine;
  readonly url: string;
  /** The connections accepted so far. */
  readonly sockets: readonly Socket[];
}

/** Starts a `node:http` server that answers with the method, the path and the body of the request. */
async function serve({ transport }: Network): Promise<Site> {
  const server = createServer((request, response) => {
    response.write(`${request.method ?? ''} ${request.url ?? ''}\n`);
    request.pipe(response);
  });
  const sockets: Socket[] = [];
  const listener = await transport();
  const endpoint = await listener.listen({
    onConnection: (socket) => {
      sockets.push(socket);
      server.emit('connection', socket);
    },
  });
  const curl = ['curl', '--silent', '--show-error', '--fail', '--noproxy', '*'] as const;
  const parts = parseEndpoint(endpoint);
  return parts.network === 'unix'
    ? { curl: [...curl, '--unix-socket', parts.path], url: 'http://localhost', sockets }
    : { curl, url: `http://${endpoint}`, sockets };
}

describe.each(networks)('over $over', (network) => {
  const role = 'HTTP client of a listener';
  describeInterop({ peer: peers.curl, role, over: network.over }, () => {
    it.runIf(network.available)('makes several requests on one connection', async () => {
      const { curl, url, sockets } = await serve(network);
      expect(await run([...curl, `${url}/one`, `${url}/two`, '--data', 'three'])).toEqual({
        status: 0,
        stdout: 'POST /one\nthreePOST /two\nthree',
        stderr: '',
      });
      expect(sockets).toHaveLength(1);
    });

    it.runIf(network.available)('uploads and downloads 16 MB at once', async () => {
      const { curl, url } = await serve(network);
      const data = largeData();
      const child = spawnProgram([...curl, '--upload-file', '-', '--no-buffer', `${url}/`]);
      child.stdin.end(data);
      expect(await hashOfStream(child.stdout)).toBe(hashOf(Buffer.concat([Buffer.from('PUT /\n'), data])));
    });
  });
});
