import { expect, test } from 'vitest';
import { isLocalHost, parseTcpEndpoint } from '../src/index.js';

const local = [
  'LocalHost:1',
  '[0:0::1]:1',
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

test.each(local)('isLocalHost is true for the host of %s', (endpoint) => {
  expect(isLocalHost(parseTcpEndpoint(endpoint).host)).toBe(true);
});

test.each(notLocal)('isLocalHost is false for the host of %s', (endpoint) => {
  expect(isLocalHost(parseTcpEndpoint(endpoint).host)).toBe(false);
});
