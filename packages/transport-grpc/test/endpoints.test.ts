import { rejectionOf } from '@rpcplugin/test-support';
import { UnixSocketTransport } from '@rpcplugin/transport-unix';
import { expect, it } from 'vitest';
import { connectGrpc } from '../src/index.js';
import { connectTo, insecure } from './support.js';

it.each([
  'http://host/path', // URLs
  'https://host/path',
  'xds:///service', // targets of gRPC
  'ipv4:127.0.0.1:1,127.0.0.1:2',
  'unix-abstract:p', // of another platform's gRPC
  'tcp:',
  'ipv6:::1',
])('connectGrpc rejects %j', async (text) => {
  expect(await rejectionOf(connectTo(text))).toMatchObject({ code: 'INVALID_ENDPOINT', endpoint: text });
});

it('connectGrpc rejects port 0 with a hint', async () => {
  expect(await rejectionOf(connectTo('localhost:0'))).toMatchObject({
    code: 'INVALID_ENDPOINT',
    endpoint: 'localhost:0',
    hint: expect.stringContaining('listen returned') as string,
  });
});

it('connectGrpc rejects an endpoint of another network than the transport has', async () => {
  const connecting = connectGrpc(new UnixSocketTransport(), '127.0.0.1:1', insecure);
  expect((await rejectionOf(connecting)).code).toBe('INVALID_ENDPOINT');
});
