import { isIPv4, isIPv6 } from 'node:net';
import { quote } from '@rpcplugin/printable';
import { TransportError } from '@rpcplugin/transport-core';
import type { ConnectionInfo } from '@rpcplugin/transport-core';

// The PROXY protocol, versions 1 and 2, as in haproxy's doc/proxy-protocol.txt. The numbers of sections are its own.
// https://www.haproxy.org/download/2.6/doc/proxy-protocol.txt

/** Section 2.1: a line of at most 107 bytes with its CRLF. The shortest is `PROXY UNKNOWN` and CRLF. */
const TEXT_START = Buffer.from('PROXY ');
const TEXT_MIN_BYTES = 15;
const TEXT_MAX_BYTES = 107;
const TEXT = /^PROXY (TCP4|TCP6) (\S+) (\S+) (0|[1-9]\d{0,4}) (0|[1-9]\d{0,4})\r\n$/;
const TEXT_UNKNOWN = /^PROXY UNKNOWN(?: .*)?\r\n$/s;

/** Section 2.2: signature, version and command, family and protocol, length; then the addresses, and vectors. */
const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const VERSION = 2;
const LOCAL = 0;
const PROXY = 1;
const STREAM = 1;
const FIXED_BYTES = 16;
/** How long the addresses are, by their family: unspecified, IPv4, IPv6, unix. */
const ADDRESS_BYTES = [0, 12, 36, 216] as const;
const UNIX_PATH_BYTES = 108;
/** Control characters, and what is not UTF-8. */
const UNPRINTABLE = /[\p{Cc}\ufffd]/u;
const MAX_PARSED_BYTES = FIXED_BYTES + 2 * UNIX_PATH_BYTES;

/**
 * Returns up to this many of the next bytes, and at least one; `null` if none have arrived yet.
 */
export type ReadBytes = (maxBytes: number) => Buffer | null;

/**
 * The header with which a proxy begins a connection, as far as it has arrived. It never asks for a byte that may be
 * behind the header.
 */
export class ProxyHeader {
  #bytes: Buffer = Buffer.alloc(0);
  #length = 0;

  /**
   * Reads what has arrived. Returns what the header says once it is complete, else `undefined`. It is empty for the
   * connections that a proxy makes itself (`LOCAL`), for those that it knows nothing about (`UNKNOWN`, `UNSPEC`), and
   * for datagrams. Vectors (TLV) are skipped, CRC32c among them.
   *
   * @throws TransportError `IO` if the bytes are not the beginning of a header.
   */
  receive(read: ReadBytes): ConnectionInfo | undefined {
    for (;;) {
      const missing = missingBytes(this.#bytes, this.#length);
      if (missing === 0) return parseHeader(this.#bytes);
      const bytes = read(missing);
      if (bytes === null) return undefined;
      this.#length += bytes.length;
      // Vectors are not kept.
      const kept = bytes.subarray(0, MAX_PARSED_BYTES - this.#bytes.length);
      this.#bytes = Buffer.concat([this.#bytes, kept]);
    }
  }
}

/** The error for a header that cannot be read: `IO`. */
export function badHeader(what: string, cause?: unknown): TransportError {
  return new TransportError('IO', `no PROXY protocol header: ${what}`, { hint: HEADER_HINT, cause });
}

export const HEADER_HINT =
  'Turn on the PROXY protocol in the proxy: send-proxy-v2 in haproxy, proxy_protocol on in nginx. Without a proxy, ' +
  'leave out the option proxyProtocol.';

/** How many bytes are missing at least; 0 once the header is complete. */
function missingBytes(bytes: Buffer, length: number): number {
  // As a header of version 1 is the shorter one, this does not read too much of either.
  if (length === 0) return TEXT_MIN_BYTES;
  if (agree(bytes, SIGNATURE)) return missingBinary(bytes, length);
  if (agree(bytes, TEXT_START)) return missingText(bytes);
  throw badHeader(`the connection begins with ${quote(bytes.toString('latin1'))}`);
}

/** Whether bytes begin with a constant, as far as there are as many. */
function agree(bytes: Buffer, constant: Buffer): boolean {
  const length = Math.min(bytes.length, constant.length);
  return bytes.compare(constant, 0, length, 0, length) === 0;
}

function missingText(bytes: Buffer): number {
  const { length } = bytes;
  const end = bytes.indexOf('\r\n');
  if (end >= 0) {
    if (end + 2 === length) return 0;
    throw badHeader(`the line ${quote(bytes.toString('latin1', 0, end))} is too short`);
  }
  const missing = Math.max(TEXT_MIN_BYTES - length, bytes[length - 1] === 0x0d ? 1 : 2);
  if (length + missing <= TEXT_MAX_BYTES) return missing;
  throw badHeader(`the line ${quote(bytes.toString('latin1'))} does not end within ${TEXT_MAX_BYTES} bytes`);
}

function missingBinary(bytes: Buffer, length: number): number {
  const [versionAndCommand] = bytes.subarray(SIGNATURE.length);
  if (versionAndCommand !== undefined) {
    if (versionAndCommand >> 4 !== VERSION) throw badHeader(`version ${versionAndCommand >> 4}`);
    if ((versionAndCommand & 0xf) > PROXY) throw badHeader(`command ${versionAndCommand & 0xf}`);
  }
  if (length < FIXED_BYTES) return FIXED_BYTES - length;
  return FIXED_BYTES + bytes.readUInt16BE(14) - length;
}

function parseHeader(bytes: Buffer): ConnectionInfo {
  return agree(bytes, SIGNATURE) ? parseBinary(bytes) : parseText(bytes.toString('latin1'));
}

function parseText(line: string): ConnectionInfo {
  // Section 2.1: the rest of the line is ignored.
  if (TEXT_UNKNOWN.test(line)) return {};
  const [, family, source = '', destination = '', ...ports] = TEXT.exec(line) ?? [];
  const [sourcePort = NaN, destinationPort = NaN] = ports.map(Number);
  const isAddress = family === 'TCP4' ? isIPv4 : isIPv6WithoutZone;
  if (!(isAddress(source) && isAddress(destination) && sourcePort <= 65_535 && destinationPort <= 65_535)) {
    throw badHeader(`the line ${quote(line)} is malformed`);
  }
  return { client: endpointOf(source, sourcePort), destination: endpointOf(destination, destinationPort) };
}

function isIPv6WithoutZone(address: string): boolean {
  return isIPv6(address) && !address.includes('%');
}

function parseBinary(bytes: Buffer): ConnectionInfo {
  const { 12: versionAndCommand = 0, 13: familyAndProtocol = 0 } = bytes;
  // Section 2.2: the family is ignored.
  if ((versionAndCommand & 0xf) === LOCAL) return {};
  const family = familyAndProtocol >> 4;
  const protocol = familyAndProtocol & 0xf;
  const size = ADDRESS_BYTES[family];
  if (size === undefined || protocol > 2) {
    throw badHeader(`address family ${family} and protocol ${protocol}, which are not assigned`);
  }
  // Section 2.2: what a receiver of streams does not support counts as unspecified.
  if (size === 0 || protocol !== STREAM) return {};
  const length = bytes.readUInt16BE(14);
  if (length < size) throw badHeader(`${length} bytes for addresses that have ${size}`);
  const addresses = bytes.subarray(FIXED_BYTES);
  if (family === 3) return { client: unixEndpoint(addresses), destination: unixEndpoint(addresses, UNIX_PATH_BYTES) };
  const [addressOf, width] = family === 1 ? [ipv4, 4] : [ipv6, 16];
  return {
    client: endpointOf(addressOf(addresses), addresses.readUInt16BE(2 * width)),
    destination: endpointOf(addressOf(addresses.subarray(width)), addresses.readUInt16BE(2 * width + 2)),
  };
}

function ipv4(bytes: Buffer): string {
  return bytes.subarray(0, 4).join('.');
}

function ipv6(bytes: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(2 * index).toString(16));
  return groups.join(':');
}

/** A canonical endpoint. */
function endpointOf(address: string, port: number): string {
  if (!address.includes(':')) return `${address}:${port}`;
  // The WHATWG form of an IPv6 address is that of RFC 5952, but for an embedded IPv4 address, which is hexadecimal.
  const host = new URL(`http://[${address}]`).hostname.replace(/^\[::ffff:([\da-f]+):([\da-f]+)\]$/, ipv4Mapped);
  return `${host}:${port}`;
}

/** RFC 5952, section 5. */
function ipv4Mapped(_host: string, high: string, low: string): string {
  const bytes = [high, low].map((group) => Number.parseInt(group, 16)).flatMap((group) => [group >> 8, group & 0xff]);
  return `[::ffff:${bytes.join('.')}]`;
}

/**
 * The endpoint at a position. A socket without a path, which is that of most clients, or an abstract one has none, and
 * neither has one whose path, which the client chose, is no text for a log.
 */
function unixEndpoint(addresses: Buffer, start = 0): string | undefined {
  const address = addresses.subarray(start, start + UNIX_PATH_BYTES);
  const end = address.indexOf(0);
  const path = address.toString('utf8', 0, end < 0 ? UNIX_PATH_BYTES : end);
  return path === '' || UNPRINTABLE.test(path) ? undefined : `unix:${path}`;
}
