import { isIPv4 } from 'node:net';

/** One end of a connection, for the header of a proxy. */
export interface ProxiedAddress {
  readonly ip: string;
  readonly port: number;
}

const SIGNATURE = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');

/** A header of the PROXY protocol, version 1. */
export function textHeader(source: ProxiedAddress, destination: ProxiedAddress): Buffer {
  const family = isIPv4(source.ip) ? 'TCP4' : 'TCP6';
  return Buffer.from(`PROXY ${family} ${source.ip} ${destination.ip} ${source.port} ${destination.port}\r\n`);
}

export interface RawHeaderOptions {
  /** Default: `PROXY` of version 2. */
  readonly versionAndCommand?: number;
  readonly familyAndProtocol?: number;
  /** What follows the first 16 bytes. */
  readonly body?: Buffer;
}

/** A header of version 2, of any content. */
export function rawHeader({
  versionAndCommand = 0x21,
  familyAndProtocol = 0,
  body = Buffer.alloc(0),
}: RawHeaderOptions): Buffer {
  const fixed = Buffer.from([versionAndCommand, familyAndProtocol, body.length >> 8, body.length & 0xff]);
  return Buffer.concat([SIGNATURE, fixed, body]);
}

/** A header of version 2, of two addresses of one family. */
export function binaryHeader(
  source: ProxiedAddress,
  destination: ProxiedAddress,
  vectors: Buffer = Buffer.alloc(0),
): Buffer {
  const ports = Buffer.alloc(4);
  ports.writeUInt16BE(source.port, 0);
  ports.writeUInt16BE(destination.port, 2);
  return rawHeader({
    familyAndProtocol: isIPv4(source.ip) ? 0x11 : 0x21,
    body: Buffer.concat([bytesOf(source.ip), bytesOf(destination.ip), ports, vectors]),
  });
}

/** A header of version 2, of two unix sockets. */
export function unixHeader(source: string, destination: string): Buffer {
  const body = Buffer.alloc(216);
  body.write(source, 0);
  body.write(destination, 108);
  return rawHeader({ familyAndProtocol: 0x31, body });
}

/** A vector (TLV). */
export function vector(type: number, value: Buffer): Buffer {
  return Buffer.concat([Buffer.from([type, value.length >> 8, value.length & 0xff]), value]);
}

function bytesOf(ip: string): Buffer {
  if (isIPv4(ip)) return Buffer.from(ip.split('.').map(Number));
  const bytes = Buffer.alloc(16);
  const { hostname } = new URL(`http://[${ip}]`);
  const [before = '', after] = hostname.slice(1, -1).split('::');
  const groups = (text: string | undefined): string[] => (text === undefined || text === '' ? [] : text.split(':'));
  const [first, last] = [groups(before), groups(after)];
  const all = [...first, ...Array<string>(8 - first.length - last.length).fill('0'), ...last];
  all.forEach((group, index) => bytes.writeUInt16BE(Number.parseInt(group, 16), 2 * index));
  return bytes;
}
