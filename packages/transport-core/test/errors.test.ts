import { describe, expect, it } from 'vitest';
import { TransportError } from '../src/index.js';
describe('TransportError', () => {
  it('x', () => {
    expect(new TransportError('IO', 'x')).toBeInstanceOf(TransportError);
  });
});
