import { quote } from '@rpcplugin/transport-core';
import type { TransportError } from '@rpcplugin/transport-core';
import { anyHost, canonicalIPv6, ipv6Host, isReserved, looksLikeIPv4 } from './host.js';
import { scanHostPort, SPLIT_ADVICE } from './host-port.js';
import type { HostPort, SplitProblem } from './host-port.js';
import { invalidEndpoint } from './invalid.js';
import type { Refusal } from './invalid.js';
import { ipv4Host } from './ipv4.js';
import { tcpSchemeLength } from './tcp.js';
import { refuseAbstract, UNIX_FORMS } from './unix-endpoint.js';

const FORMS = `write host:port, tcp://host:port, ipv4:127.0.0.1:port, ipv6:[::1]:port or dns:host:port; ${UNIX_FORMS}`;

/** The error for `text` that is not written like a unix endpoint and is not a TCP endpoint either. */
export function refuseTcp(text: string): TransportError {
  const address = text.slice(tcpSchemeLength(text));
  const parts = scanHostPort(address);
  const refusal =
    refuseForm(text) ??
    (typeof parts === 'string'
      ? refuseSplit(text, address, parts)
      : (refuseHost(text, address, parts) ?? refusePort(parts)));
  return invalidEndpoint(text, ...refusal);
}

/** What can be said of the text as a whole, before it is taken apart. */
function refuseForm(text: string): Refusal | undefined {
  if (text === '') return ['empty', FORMS];
  const abstract = refuseAbstract(text);
  if (abstract !== undefined) return abstract;
  if (/[^!-~\xa0-\uffff]|\s/.test(text)) return ['whitespace or a control character in it', `remove it; ${UNIX_FORMS}`];
  if (text.includes(',')) {
    return ['it is a list', 'write one endpoint; connectGrpc of @rpcplugin/transport-grpc takes gRPC lists'];
  }
  if (/^dns:\/\/[^/]/.test(text)) {
    return [
      'it names a DNS server',
      'write dns:host:port; connectGrpc of @rpcplugin/transport-grpc takes such gRPC targets',
    ];
  }
  const scheme = /^(?:tcp|ipv4|ipv6|dns|unix|unix-abstract)(?=:)/i.exec(text)?.[0];
  if (scheme !== undefined && scheme !== scheme.toLowerCase()) {
    return [`unknown scheme ${quote(scheme)}`, `schemes are lower case; write ${scheme.toLowerCase()}:`];
  }
  if (text.includes('://') && !/^(?:tcp|dns):/.test(text)) return ['unknown scheme', FORMS];
  const address = text.slice(tcpSchemeLength(text));
  if (address.includes('@')) return ['credentials in it', 'leave out what stands before the @'];
  // Without any colon it is rather a unix path that lacks its scheme.
  if (/[/?#]/.test(address) && text.includes(':')) {
    return ['a path or query in it', `end a TCP endpoint after the port; ${UNIX_FORMS}`];
  }
  return undefined;
}

/** Why Go's rules do not split the text, with the likeliest thing that was meant. */
function refuseSplit(text: string, address: string, problem: SplitProblem): Refusal {
  if (problem === 'missing port') {
    if (/^\d+$/.test(address)) {
      return ['missing host', `write ${quote(`127.0.0.1:${address}`)}; a host can not have the name of a scheme`];
    }
    const isHost = anyHost(address, 0, address.length) !== undefined;
    const tcp = isHost ? `write ${quote(`${address}:50051`)}` : SPLIT_ADVICE[problem];
    const unix = `for a unix socket ${quote(`unix:${text}`)} or ${quote(`./${text}`)}`;
    return [problem, text.includes(':') ? tcp : `${tcp}, ${unix}`];
  }
  if (problem === 'too many colons') {
    const bracketed = bracketIPv6(address);
    if (bracketed !== undefined) return ['IPv6 without brackets', `write ${quote(bracketed)}`];
  }
  return [problem, `${SPLIT_ADVICE[problem]}; or ${FORMS}`];
}

/** `::1:80` is an address on its own as well; whoever wrote it is taken to have meant a port. */
function bracketIPv6(address: string): string | undefined {
  const colon = address.lastIndexOf(':');
  const host = address.slice(0, colon);
  const port = address.slice(colon + 1);
  if (canonicalIPv6(host) !== undefined && /^\d+$/.test(port)) return `[${host}]:${port}`;
  return canonicalIPv6(address) === undefined ? undefined : `[${address}]:50051`;
}

function refuseHost(text: string, address: string, { host, port }: HostPort): Refusal | undefined {
  if (host === '') return ['empty host', `write ${quote(`127.0.0.1:${port}`)} or another host`];
  if (address.startsWith('[') && !host.includes(':')) {
    return ['brackets around something that is not IPv6', `write ${quote(`${host}:${port}`)}`];
  }
  const hostEnd = address.lastIndexOf(':');
  if (anyHost(address, 0, hostEnd) !== undefined) {
    if (text.startsWith('ipv4:') && ipv4Host(address, 0, hostEnd) === undefined) {
      return ['not an IPv4 address', 'write the host without ipv4:'];
    }
    if (text.startsWith('ipv6:') && ipv6Host(address, 0, hostEnd) === undefined) {
      return ['not an IPv6 address', 'write the host without ipv6:'];
    }
    return undefined;
  }
  if (host.includes(':') && canonicalIPv6(host.replace(/%.*/, '')) === undefined) {
    return ['not an IPv6 address', 'write one such as [::1]:50051'];
  }
  if (host.includes('%')) return ['bad IPv6 zone', 'write an address with an interface, as in [fe80::1%eth0]:50051'];
  if (looksLikeIPv4(host)) {
    return ['not an IPv4 address', 'write four numbers from 0 to 255 without leading zeros, as in 127.0.0.1:50051'];
  }
  if (isReserved(host)) return [`host ${quote(host)} is the name of a scheme`, 'write its address or its full name'];
  return [
    `bad host name ${quote(host)}`,
    'write ASCII letters, digits, ".", "-" and "_", at most 253 of them, and names in other scripts as xn--…',
  ];
}

function refusePort({ port }: HostPort): Refusal {
  if (port === '') return ['missing port', 'write one after the colon, as in 127.0.0.1:50051'];
  if (/^\d+$/.test(port)) return [`port ${quote(port)} is out of range`, 'write 1 to 5 digits, from 0 to 65535'];
  return [`port ${quote(port)} is not a plain decimal number`, 'write 1 to 5 digits, from 0 to 65535'];
}
