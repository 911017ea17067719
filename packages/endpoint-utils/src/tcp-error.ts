import { quote } from '@rpcplugin/printable';
import type { TransportError } from '@rpcplugin/transport-core';
import { invalidEndpoint } from './errors.js';
import type { Problem } from './errors.js';
import { hostReaderAfter, MAX_NAME_LENGTH, readHost } from './host.js';
import { SPLIT_ADVICE, trySplitHostPort } from './host-port.js';
import type { HostPort, SplitFailure } from './host-port.js';
import { looksLikeIPv4 } from './ipv4.js';
import { canonicalIPv6WithZone } from './ipv6.js';
import { isDecimal, portProblem } from './port.js';
import { isSchemeName, schemeIgnoringCase, tcpSchemeLength } from './schemes.js';
import { abstractSocketProblem, UNIX_FORMS, UNIX_SCHEME } from './unix.js';

const FORMS =
  'A TCP endpoint is written host:port, tcp://host:port, ipv4:127.0.0.1:port, ipv6:[::1]:port or dns:host:port. ' +
  UNIX_FORMS;

/** The error for `text` that is not a TCP endpoint and does not have the form of a unix endpoint. */
export function tcpEndpointError(text: string): TransportError {
  const address = text.slice(tcpSchemeLength(text));
  return invalidEndpoint(text, ...(formProblem(text, address) ?? addressProblem(text, address)));
}

/** Problems with the text as a whole, before it is split. */
function formProblem(text: string, address: string): Problem | undefined {
  if (text === '') return ['the endpoint is empty', FORMS];
  const abstract = abstractSocketProblem(text);
  if (abstract !== undefined) return abstract;
  if (/[^!-~\xa0-\uffff]|\s/.test(text)) {
    return ['it has whitespace or a control character', `Remove it. ${UNIX_FORMS}`];
  }
  if (text.includes(',')) {
    return ['it is a list', 'Write one endpoint. connectGrpcTarget from @rpcplugin/transport-grpc takes gRPC lists.'];
  }
  if (/^dns:\/\/[^/]/.test(text)) {
    return [
      'it names a DNS server',
      'Write dns:host:port. connectGrpcTarget from @rpcplugin/transport-grpc takes such gRPC targets.',
    ];
  }
  const scheme = schemeIgnoringCase(text);
  const lowerCase = scheme?.toLowerCase();
  if (scheme !== lowerCase) return ['the scheme is not in lower case', `Write ${lowerCase} instead.`];
  if (text.includes('://') && !/^(?:tcp|dns):/.test(text)) return ['the scheme is unknown', FORMS];
  if (address.includes('@')) return ['it has credentials', 'Remove the part before the @.'];
  // Text without a colon is more likely a unix path that lacks its scheme.
  if (/[/?#]/.test(address) && text.includes(':')) {
    return ['it has a path or query', `End a TCP endpoint after the port. ${UNIX_FORMS}`];
  }
  return undefined;
}

function addressProblem(text: string, address: string): Problem {
  const parts = trySplitHostPort(address);
  if (typeof parts === 'string') return splitProblem(text, address, parts);
  return hostProblem(text, address, parts) ?? portProblem(parts.port);
}

/** Why the address does not split by Go's rules, with the most likely intention. */
function splitProblem(text: string, address: string, failure: SplitFailure): Problem {
  if (failure === 'missing port') {
    if (isDecimal(address)) {
      const example = quote(`127.0.0.1:${address}`);
      return ['the host is missing', `Write ${example}. A host cannot have the name of a scheme.`];
    }
    const isHost = readHost(address, 0, address.length) !== undefined;
    const tcp = isHost ? `Write ${quote(`${address}:50051`)}.` : SPLIT_ADVICE[failure];
    const unix = `For a unix socket, write ${quote(UNIX_SCHEME + text)} or ${quote(`./${text}`)}.`;
    return [failure, text.includes(':') ? tcp : `${tcp} ${unix}`];
  }
  if (failure === 'too many colons') {
    const bracketed = bracketIPv6(address);
    if (bracketed !== undefined) return ['an IPv6 address needs brackets', `Write ${quote(bracketed)}.`];
  }
  return [failure, `${SPLIT_ADVICE[failure]} ${FORMS}`];
}

/** `::1:80` is also an address by itself, but its author probably meant a port. */
function bracketIPv6(address: string): string | undefined {
  const colon = address.lastIndexOf(':');
  const host = address.slice(0, colon);
  const port = address.slice(colon + 1);
  if (canonicalIPv6WithZone(host) !== undefined && isDecimal(port)) return `[${host}]:${port}`;
  return canonicalIPv6WithZone(address) === undefined ? undefined : `[${address}]:50051`;
}

function hostProblem(text: string, address: string, { host, port }: HostPort): Problem | undefined {
  if (host === '') return ['the host is empty', `Write ${quote(`127.0.0.1:${port}`)} or another host.`];
  if (address.startsWith('[') && !host.includes(':')) {
    return ['only an IPv6 address takes brackets', `Write ${quote(`${host}:${port}`)}.`];
  }
  const hostEnd = address.lastIndexOf(':');
  if (readHost(address, 0, hostEnd) !== undefined) {
    const read = hostReaderAfter(text, text.length - address.length);
    if (read(address, 0, hostEnd) !== undefined) return undefined;
    const kind = text.slice(2, 4); // v4 or v6
    return [`the host is not an IP${kind} address`, `Write it without ip${kind}: in front.`];
  }
  if (host.includes(':') && canonicalIPv6WithZone(host.replace(/%.*/, '')) === undefined) {
    return ['the host is not an IPv6 address', 'Write an address such as [::1]:50051.'];
  }
  if (host.includes('%')) {
    return ['the IPv6 zone is malformed', 'Write an address with an interface, as in [fe80::1%eth0]:50051.'];
  }
  if (looksLikeIPv4(host)) {
    return [
      'the host is not an IPv4 address',
      'Write four decimal numbers from 0 to 255 without leading zeros, as in 127.0.0.1:50051.',
    ];
  }
  if (isSchemeName(host.toLowerCase())) {
    return [
      `the host ${quote(host)} is the name of a scheme`,
      'Endpoints of that scheme need another transport. For a host of that name, write its address or its full name.',
    ];
  }
  return [
    `the host name ${quote(host)} is malformed`,
    `Write at most ${MAX_NAME_LENGTH} ASCII letters, digits, ".", "-" and "_", and xn--… for other scripts.`,
  ];
}
