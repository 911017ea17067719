import { BlockList, isIPv4, isIPv6 } from 'node:net';
import { invalidOption, proxyProtocolOption } from '@rpcplugin/transport-base';
import type { ProxyProtocol, ProxyProtocolOptions } from '@rpcplugin/transport-base';
import { TransportError } from '@rpcplugin/transport-core';

/** The PROXY protocol over TCP. */
export interface TCPProxyProtocolOptions extends ProxyProtocolOptions {
  /**
   * The proxies: IP addresses such as `10.0.0.5`, or CIDR blocks such as `10.0.0.0/24`; at least one. Connections from
   * elsewhere are closed at once, and nothing is read from them. A link-local address counts on every link.
   */
  readonly from: readonly string[];
}

/** @throws TransportError `INVALID_ARGUMENT`. */
export function tcpProxyProtocol(options: TCPProxyProtocolOptions | undefined): ProxyProtocol | undefined {
  const checked = proxyProtocolOption(options);
  if (checked === undefined || options === undefined) return undefined;
  const proxies = blocks(options.from);
  return {
    ...checked,
    refusal: ({ remoteAddress }) => {
      // Such as a health check of haproxy, which resets its connection. Nobody knows any more who it was.
      if (remoteAddress === undefined) {
        return new TransportError('IO', 'the peer left before it was accepted', {
          hint: 'A proxy may do so to find out whether the plugin listens, which is harmless.',
        });
      }
      if (isIn(proxies, remoteAddress)) return undefined;
      return new TransportError('PERMISSION_DENIED', `${remoteAddress} is not one of the proxies`, {
        hint: 'Add its address to proxyProtocol.from if it is a proxy. Clients connect to the proxy instead.',
      });
    },
  };
}

// Wider than the option's type, for untyped callers.
function blocks(from: unknown): BlockList {
  if (!Array.isArray(from) || from.length === 0) {
    throw invalidOption('proxyProtocol.from', from, 'Give the addresses of the proxies, such as ["10.0.0.5"].');
  }
  const list = new BlockList();
  for (const block of from as unknown[]) add(list, block);
  return list;
}

function add(list: BlockList, block: unknown): void {
  const text = typeof block === 'string' ? block : '';
  const [, address = '', bits] = /^([\d.:a-f]+)(?:\/(0|[1-9]\d{0,2}))?$/i.exec(text) ?? [];
  const family = familyOf(address);
  const maxBits = family === 'ipv4' ? 32 : 128;
  if (family === undefined || Number(bits ?? 0) > maxBits) {
    throw invalidOption(
      'proxyProtocol.from',
      block,
      'Give IP addresses such as 10.0.0.5 or blocks such as 10.0.0.0/24.',
    );
  }
  list.addSubnet(address, Number(bits ?? maxBits), family);
}

function isIn(list: BlockList, remoteAddress: string): boolean {
  // Node adds the zone to a link-local address.
  const [address = ''] = remoteAddress.split('%');
  return list.check(address, familyOf(address));
}

function familyOf(address: string): 'ipv4' | 'ipv6' | undefined {
  if (isIPv4(address)) return 'ipv4';
  return isIPv6(address) ? 'ipv6' : undefined;
}
