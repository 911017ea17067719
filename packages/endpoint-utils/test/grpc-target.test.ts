import { expect, test } from 'vitest';
import { toGrpcTarget } from '../src/index.js';
import { refusal } from './refusal.js';

test.each([
  ['tcp://127.0.0.1:50051', '127.0.0.1:50051'],
  ['[0::1]:50051', '[::1]:50051'],
  ['dns:///host.example:50051', 'host.example:50051'],
  ['unix:///run/p.sock', 'unix:/run/p.sock'],
  ['./p.sock', 'unix:p.sock'],
  ['../a@b/p.sock', 'unix:../a@b/p.sock'],
  ["/run/aZ09-._~!$&'()*+;=:@", "unix:/run/aZ09-._~!$&'()*+;=:@"],
])('the target of %j is %j', (endpoint, target) => {
  expect(toGrpcTarget(endpoint)).toBe(target);
});

test('takes an endpoint in parts', () => {
  expect(toGrpcTarget({ network: 'tcp', host: '0::1', port: 80 })).toBe('[::1]:80');
  expect(toGrpcTarget({ network: 'unix', path: '/run/p.sock' })).toBe('unix:/run/p.sock');
});

test.each([
  '/run/a b',
  '/run/a%20b',
  '/run/a?b',
  '/run/a#b',
  '/run/[a]',
  '/run/a\\b',
  '/run/a|b',
  '/run/ü',
  '/run/a,b', // two sockets for C-core
  'unix:@x', // an abstract socket for Go
  './@x',
])('refuses %j, which gRPC implementations read differently', (endpoint) => {
  expect(refusal(() => toGrpcTarget(endpoint)).hint).toMatch(/rename the socket.*connectGrpc/);
});

test('refuses an IPv6 zone, whose % starts an escape in a URI', () => {
  expect(refusal(() => toGrpcTarget('[fe80::1%eth0]:50051')).hint).toMatch(/zone.*connectGrpc/);
});

test('refuses what is not an endpoint', () => {
  expect(refusal(() => toGrpcTarget('xds:///service')).endpoint).toBe('xds:///service');
  refusal(() => toGrpcTarget({ network: 'unix', path: '' }));
  refusal(() => toGrpcTarget(undefined as unknown as string));
});
