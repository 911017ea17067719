import { describe, expect, test } from 'vitest';
import { toGrpcTarget } from '../src/index.js';
import { expectInvalid } from './support.js';

describe('toGrpcTarget', () => {
  test.each([
    ['tcp://127.0.0.1:50051', '127.0.0.1:50051'],
    ['[0::1]:50051', '[::1]:50051'],
    ['dns:///host.example:50051', 'host.example:50051'],
    ['unix:///run/p.sock', 'unix:/run/p.sock'],
    ['./p.sock', 'unix:p.sock'],
    ['../a@b/p.sock', 'unix:../a@b/p.sock'],
    ["/run/aZ09-._~!$&'()*+;=:@", "unix:/run/aZ09-._~!$&'()*+;=:@"],
  ])('turns %j into %j', (endpoint, target) => {
    expect(toGrpcTarget(endpoint)).toBe(target);
  });

  test('accepts an endpoint in parts', () => {
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
  ])('rejects %j, which gRPC implementations read differently', (endpoint) => {
    expect(expectInvalid(() => toGrpcTarget(endpoint)).hint).toMatch(/Rename the socket.*connectGrpc/);
  });

  test('rejects an IPv6 zone, because % starts an escape in a URI', () => {
    expect(expectInvalid(() => toGrpcTarget('[fe80::1%eth0]:50051')).hint).toMatch(/zone.*connectGrpc/);
  });

  test('rejects a malformed endpoint', () => {
    expect(expectInvalid(() => toGrpcTarget('xds:///service')).endpoint).toBe('xds:///service');
    expectInvalid(() => toGrpcTarget({ network: 'unix', path: '' }));
    expectInvalid(() => toGrpcTarget(undefined as unknown as string));
  });
});
