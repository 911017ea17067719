import { expect, test } from 'vitest';
import { isLocalEndpoint } from '../src/index.js';
import { expectInvalid } from './support.js';

const local = [
  'unix:/run/p.sock',
  './p.sock',
  'LocalHost:1',
  'localhost.:1',
  '127.0.0.1:1',
  'tcp://127.255.255.255:1',
  '0.0.0.0:1',
  '[::]:1',
  '[::1]:1',
  '[::1%lo]:1',
  '[::ffff:127.0.0.1]:1',
  '[::ffff:0:0]:1',
];

const notLocal = [
  '0.0.0.1:1',
  '128.0.0.1:1',
  '127.example:1',
  '127.0.0.1.example:1',
  'localhost.example:1',
  'plugin.localhost:1',
  '[::2]:1',
  '[::127.0.0.1]:1',
  '[::ffff:192.0.2.1]:1',
  '[::fffe:7f00:1]:1',
  '[fe80::1%lo]:1',
];

test.each(local)('isLocalEndpoint is true for %s', (endpoint) => {
  expect(isLocalEndpoint(endpoint)).toBe(true);
});

test.each(notLocal)('isLocalEndpoint is false for %s', (endpoint) => {
  expect(isLocalEndpoint(endpoint)).toBe(false);
});

test('isLocalEndpoint takes parts, and normalizes them', () => {
  expect(isLocalEndpoint({ network: 'tcp', host: '0:0::1', port: 1 })).toBe(true);
  expect(isLocalEndpoint({ network: 'unix', path: 'p.sock' })).toBe(true);
});

test('isLocalEndpoint rejects text that is not an endpoint', () => {
  expectInvalid(() => isLocalEndpoint('localhost'));
});
