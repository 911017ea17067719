import { describe, expect, it } from 'vitest';
import { negotiateTransport } from '../src/index.js';
import type { TransportFactory } from '../src/index.js';
import { PipeTransport } from './pipe-transport.js';
import { thrownBy } from './support.js';

/** A factory whose transports know by their path which one it was. */
function factory(network: string, isSupported = true, path = network): TransportFactory<PipeTransport> {
  return { network, isSupported: () => isSupported, create: () => new PipeTransport(path) };
}

describe('negotiateTransport', () => {
  it('takes the first factory in the order given, whatever the order offered', () => {
    expect(negotiateTransport(['tcp', 'unix'], [factory('unix'), factory('tcp')]).path).toBe('unix');
  });

  it('takes the first of two factories of one network', () => {
    expect(negotiateTransport(['tcp'], [factory('tcp', true, 'one'), factory('tcp', true, 'two')]).path).toBe('one');
  });

  it('skips a network that is not offered', () => {
    expect(negotiateTransport(['tcp'], [factory('unix'), factory('tcp')]).path).toBe('tcp');
  });

  it('skips a network that is not supported here', () => {
    expect(negotiateTransport(['unix', 'tcp'], [factory('unix', false), factory('tcp')]).path).toBe('tcp');
  });

  it('creates one transport, and none of those not taken', () => {
    let created = 0;
    const counting = (network: string): TransportFactory<PipeTransport> => ({
      ...factory(network),
      create: () => {
        created++;
        return new PipeTransport(network);
      },
    });
    negotiateTransport(['unix', 'tcp'], [counting('unix'), counting('tcp')]);
    expect(created).toBe(1);
  });

  it('throws UNSUPPORTED when there is nothing in common', () => {
    expect(thrownBy(() => negotiateTransport(['quic'], [factory('tcp')])).code).toBe('UNSUPPORTED');
  });

  it('names both lists when there is nothing in common', () => {
    const error = thrownBy(() => negotiateTransport(['quic', 'sctp'], [factory('unix', false), factory('tcp')]));
    expect(error.message).toMatch(/offered are quic, sctp;.* unix \(not on this platform\), tcp$/);
  });

  it('says so when nothing is offered or available', () => {
    expect(thrownBy(() => negotiateTransport([], [])).message).toMatch(/offered are none;.* are none$/);
  });

  it('has a hint when there is nothing in common', () => {
    expect(thrownBy(() => negotiateTransport([], [])).hint).toContain('TCP');
  });

  it('lets what a factory throws through', () => {
    const failing: TransportFactory<PipeTransport> = {
      ...factory('tcp'),
      create: () => {
        throw new RangeError('from the factory');
      },
    };
    expect(() => negotiateTransport(['tcp'], [failing])).toThrow(RangeError);
  });
});
