import { expect, test } from 'vitest';
import { normalizeUnixPath } from '../src/index.js';
import { refusal } from './refusal.js';

test.each([
  ['/run/p.sock', '/run/p.sock'],
  ['unix:/run/p.sock', '/run/p.sock'],
  ['unix://run/p.sock', '/run/p.sock'],
  ['unix:///run/p.sock', '/run/p.sock'],
  ['unix:////run//p.sock', '/run/p.sock'],
  ['//run////p.sock', '/run/p.sock'],
  ['/run//p.sock', '/run//p.sock'],
  ['p.sock', 'p.sock'],
  ['unix:p.sock', 'p.sock'],
  ['./p.sock', './p.sock'],
  ['unix:.//p.sock', './/p.sock'],
  ['a//b', 'a//b'],
  ['unix:unix:p.sock', 'unix:p.sock'],
  ['127.0.0.1:80', '127.0.0.1:80'],
])('normalizeUnixPath makes %j %j', (path, normalized) => {
  expect(normalizeUnixPath(path)).toBe(normalized);
});

test.each(['', 'unix:', '/', 'unix:///', 'run/', '.', 'a/..', '\0name', 'a\rb', '\udfff', undefined, 7])(
  'normalizeUnixPath refuses %j',
  (path) => {
    refusal(() => normalizeUnixPath(path as string));
  },
);
