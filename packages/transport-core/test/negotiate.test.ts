import { thrownBy } from '@rpcplugin/test-support';
import { describe, expect, it } from 'vitest';
import { negotiateTransport } from '../src/index.js';
import type { Transport, TransportFactory } from '../src/index.js';

/** A stub transport with the name of the factory that created it. */
type NamedTransport = Transport & { readonly from: string };

function factory(network: string, isSupported = true, from = network): TransportFactory<NamedTransport> {
  return { network, isSupported: () => isSupported, create: () => ({ network, from }) as NamedTransport };
}

describe('negotiateTransport', () => {
  it('picks the first factory given, whatever the order of the offer', () => {
    expect(negotiateTransport(['tcp', 'unix'], [factory('unix'), factory('tcp')]).from).toBe('unix');
  });

  it('picks the first of two factories for one network', () => {
    expect(negotiateTransport(['tcp'], [factory('tcp', true, 'one'), factory('tcp', true, 'two')]).from).toBe('one');
  });

  it('skips a network that is not offered', () => {
    expect(negotiateTransport(['tcp'], [factory('unix'), factory('tcp')]).from).toBe('tcp');
  });

  it('skips an unsupported network', () => {
    expect(negotiateTransport(['unix', 'tcp'], [factory('unix', false), factory('tcp')]).from).toBe('tcp');
  });

  it('creates only the transport it picks', () => {
    let created = 0;
    const counting = (network: string): TransportFactory<NamedTransport> => ({
      ...factory(network),
      create: () => {
        created++;
        return factory(network).create();
      },
    });
    negotiateTransport(['unix', 'tcp'], [counting('unix'), counting('tcp')]);
    expect(created).toBe(1);
  });

  it('throws UNSUPPORTED without a common network', () => {
    expect(thrownBy(() => negotiateTransport(['quic'], [factory('tcp')])).code).toBe('UNSUPPORTED');
  });

  it('names both lists without a common network', () => {
    const error = thrownBy(() => negotiateTransport(['quic', 'sctp'], [factory('unix', false), factory('tcp')]));
    expect(error.message).toMatch(/offers quic, sctp;.* unix \(not on this platform\), tcp$/);
  });

  it('says none for an empty list', () => {
    expect(thrownBy(() => negotiateTransport([], [])).message).toMatch(/offers none;.* here: none$/);
  });

  it('has a hint without a common network', () => {
    expect(thrownBy(() => negotiateTransport([], [])).hint).toContain('TCP');
  });

  it('rethrows the error of a factory', () => {
    const failing: TransportFactory<NamedTransport> = {
      ...factory('tcp'),
      create: () => {
        throw new RangeError('from the factory');
      },
    };
    expect(() => negotiateTransport(['tcp'], [failing])).toThrow(RangeError);
  });
});
