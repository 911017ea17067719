import { describe, expect, test } from 'vitest';
import { normalizeUnixPath } from '../src/index.js';
import { expectInvalid } from './support.js';

describe('normalizeUnixPath', () => {
  test.each([
    ['/run/p.sock', '/run/p.sock'],
    ['unix:/run/p.sock', '/run/p.sock'],
    ['unix://run/p.sock', '/run/p.sock'],
    ['unix:///run/p.sock', '/run/p.sock'],
    ['unix:////run//p.sock', '/run/p.sock'],
    ['//run////p.sock', '/run/p.sock'],
    ['unix:///a//b///p.sock', '/a/b/p.sock'],
    ['/run//p.sock', '/run//p.sock'],
    ['p.sock', 'p.sock'],
    ['unix:p.sock', 'p.sock'],
    ['./p.sock', './p.sock'],
    ['unix:.//p.sock', './/p.sock'],
    ['a//b', 'a//b'],
    ['unix:unix:p.sock', 'unix:p.sock'],
    ['127.0.0.1:80', '127.0.0.1:80'],
  ])('turns %j into %j', (path, normalized) => {
    expect(normalizeUnixPath(path)).toBe(normalized);
  });

  test.each(['', 'unix:', '/', 'unix:///', 'run/', '.', 'a/..', '\0name', 'a\rb', '\udfff', undefined, 7])(
    'rejects %j',
    (path) => {
      expectInvalid(() => normalizeUnixPath(path as string));
    },
  );
});
