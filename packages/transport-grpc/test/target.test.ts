import { resolve } from 'node:path';
import { rejectionOf } from '@rpcplugin/test-support';
import { describe, expect, it } from 'vitest';
import { connectGrpc } from '../src/index.js';
import { grpcTarget, isLocal } from '../src/target.js';
import { insecure } from './support.js';

describe('grpcTarget', () => {
  it.each(['xds:///service', 'xds://authority/service', 'custom+x.1:///a/b', 'dns:host', 'ipv4:1.1.1.1:1,1.1.1.2:1'])(
    'leaves %s to gRPC, unchanged',
    (target) => {
      expect(grpcTarget(target)).toEqual({ target, address: undefined });
    },
  );

  it.each([
    ['localhost:80', 'localhost:80', { network: 'tcp', host: 'localhost', port: 80 }],
    ['ipv6:[::1]:80', '[::1]:80', { network: 'tcp', host: '::1', port: 80 }],
    ['./p.sock', `unix:${resolve('p.sock')}`, { network: 'unix', path: resolve('p.sock') }],
  ])('translates the endpoint %s to %s for gRPC', (text, target, address) => {
    expect(grpcTarget(text)).toEqual({ target, address });
  });

  it.each([
    'http://host/path', // URLs
    'https://host/path',
    '1xds:///service', // not a scheme
    'xds:///service\nx', // two lines
    'xds:authority//service/x', // not an authority
    'xds:', // no address
    'unix-abstract:p', // of another platform's gRPC
    'tcp:',
    'ipv6:::1',
  ])('rejects %j', async (text) => {
    expect(await rejectionOf(connectGrpc(text, insecure))).toMatchObject({ code: 'INVALID_ENDPOINT', endpoint: text });
  });

  it('rejects port 0 with a hint', async () => {
    expect(await rejectionOf(connectGrpc('localhost:0', insecure))).toMatchObject({
      code: 'INVALID_ENDPOINT',
      endpoint: 'localhost:0',
      hint: expect.stringContaining('listen returned') as string,
    });
  });
});

it.each([
  ['unix:/p', true],
  ['localhost:1', true],
  ['[::1]:1', true],
  ['127.9.9.9:1', true],
  ['128.0.0.1:1', false],
  ['127.example:1', false],
  ['host:1', false],
])('isLocal of %s is %s', (endpoint, expected) => {
  const { address } = grpcTarget(endpoint);
  expect(address && isLocal(address)).toBe(expected);
});
