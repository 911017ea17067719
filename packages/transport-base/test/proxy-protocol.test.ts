import { isIPv4 } from 'node:net';
import { binaryHeader, rawHeader, textHeader, thrownBy, unixHeader, vector } from '@rpcplugin/test-support';
import type { ProxiedAddress } from '@rpcplugin/test-support';
import { TransportError } from '@rpcplugin/transport-core';
import type { ConnectionInfo } from '@rpcplugin/transport-core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ProxyHeader } from '../src/proxy-protocol.js';
import { addresses, anyHeader, vectors } from './proxy-headers.js';

interface Received {
  /** What the header says; `undefined` if it is not complete. */
  readonly info: ConnectionInfo | undefined;
  /** What was not read. */
  readonly rest: Buffer;
}

/** Receives chunks one after the other. */
function receive(...chunks: Buffer[]): Received {
  const header = new ProxyHeader();
  let buffered: Buffer = Buffer.alloc(0);
  let info: ConnectionInfo | undefined;
  for (const [index, chunk] of chunks.entries()) {
    buffered = Buffer.concat([buffered, chunk]);
    info = header.receive((maxBytes) => {
      const bytes = buffered.subarray(0, maxBytes);
      buffered = buffered.subarray(maxBytes);
      return bytes.length === 0 ? null : bytes;
    });
    if (info !== undefined) return { info, rest: Buffer.concat([buffered, ...chunks.slice(index + 1)]) };
  }
  return { info, rest: buffered };
}

function infoOf(header: Buffer | string): ConnectionInfo | undefined {
  return receive(Buffer.from(header)).info;
}

function endpointOf({ ip, port }: ProxiedAddress): string {
  return `${isIPv4(ip) ? ip : new URL(`http://[${ip}]`).hostname}:${port}`;
}

const client = { ip: '192.0.2.1', port: 56_324 };
const proxy = { ip: '192.0.2.11', port: 443 };
const told = { client: '192.0.2.1:56324', destination: '192.0.2.11:443' };

describe('every header', () => {
  it('of version 1 says what the proxy wrote', () => {
    fc.assert(
      fc.property(addresses, ([source, destination]) => {
        const info = { client: endpointOf(source), destination: endpointOf(destination) };
        expect(infoOf(textHeader(source, destination))).toEqual(info);
      }),
    );
  });

  it('of version 2 says what the proxy wrote, whatever vectors follow', () => {
    fc.assert(
      fc.property(addresses, vectors, ([source, destination], tlv) => {
        const info = { client: endpointOf(source), destination: endpointOf(destination) };
        expect(infoOf(binaryHeader(source, destination, tlv))).toEqual(info);
      }),
    );
  });

  it('is read to its last byte and no further, however it is split', () => {
    fc.assert(
      fc.property(anyHeader, fc.uint8Array(), fc.array(fc.nat(2000)), (header, behind, cuts) => {
        const whole = receive(header);
        expect(whole.info).toBeDefined();
        const bytes = Buffer.concat([header, behind]);
        const ends = [0, ...cuts.filter((cut) => cut <= bytes.length).toSorted((a, b) => a - b), bytes.length];
        const chunks = ends.slice(1).map((end, index) => bytes.subarray(ends[index], end));
        expect(receive(...chunks)).toEqual({ info: whole.info, rest: Buffer.from(behind) });
      }),
    );
  });

  it('is the same byte by byte, and says nothing before its last one', () => {
    fc.assert(
      fc.property(anyHeader, (header) => {
        const bytes = [...header].map((byte) => Buffer.from([byte]));
        expect(receive(...bytes.slice(0, -1)).info).toBeUndefined();
        expect(receive(...bytes)).toEqual(receive(header));
      }),
      { numRuns: 30 },
    );
  });
});

describe('other bytes', () => {
  const isExpected = (bytes: Buffer): boolean => {
    try {
      receive(bytes);
      return true;
    } catch (error) {
      return TransportError.isInstance(error) && error.code === 'IO' && error.hint !== undefined;
    }
  };

  it('never throw anything but IO with a hint', () => {
    const start = fc.constantFrom('', 'PROXY ', 'PROXY TCP4 ', '\r\n\r\n\0\r\nQUIT\n', '\r\n\r\n\0\r\nQUIT\n!');
    fc.assert(
      fc.property(start, fc.uint8Array({ maxLength: 300 }), (before, bytes) =>
        isExpected(Buffer.concat([Buffer.from(before, 'latin1'), bytes])),
      ),
    );
  });

  it('never throw anything but IO when a byte of a header is wrong', () => {
    fc.assert(
      fc.property(anyHeader, fc.nat(), fc.nat(255), (header, at, value) => {
        const changed = Buffer.from(header);
        changed[at % header.length] = value;
        return isExpected(changed);
      }),
      { numRuns: 1000 },
    );
  });

  it.each([
    ['an HTTP/2 preface', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['an HTTP request', 'GET / HTTP/1.1\r\n\r\n'],
    ['a TLS handshake', '\x16\x03\x01\x02\x00'],
    ['one wrong byte', '\0'],
    ['the start of another word', 'PROXIES'],
    ['two line breaks', '\r\n\r\n\r\n'],
  ])('are rejected at once if they are %s', (_, text) => {
    const error = thrownBy(() => receive(Buffer.from(text, 'latin1')));
    expect(error.code).toBe('IO');
    expect(error.message).toContain(JSON.stringify(text).slice(1, 4));
    expect(error.hint).toContain('proxyProtocol');
  });
});

describe('a header of version 1', () => {
  const longest = 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff';

  it('can be of an unknown connection, whatever the line says', () => {
    expect(infoOf('PROXY UNKNOWN\r\n')).toEqual({});
    const line = `PROXY UNKNOWN ${longest} ${longest} 65535 65535\r\n`;
    expect(line).toHaveLength(107);
    expect(infoOf(line)).toEqual({});
    expect(infoOf('PROXY UNKNOWN a\nb\rc\xff\r\n')).toEqual({});
  });

  it('can have an IPv4 address in one of IPv6, as haproxy writes it', () => {
    expect(infoOf('PROXY TCP6 ::ffff:192.0.2.1 2001:DB8:0:0:0::1 1 2\r\n')).toEqual({
      client: '[::ffff:192.0.2.1]:1',
      destination: '[2001:db8::1]:2',
    });
  });

  it('is rejected at its 107th byte if the line does not end there', () => {
    const line = `PROXY UNKNOWN ${'x'.repeat(91)}`;
    expect(line).toHaveLength(105);
    expect(receive(Buffer.from(line)).info).toBeUndefined();
    expect(infoOf(`${line}\r\n`)).toEqual({});
    expect(thrownBy(() => receive(Buffer.from(`${line}x`))).message).toContain('107 bytes');
  });

  it.each([
    'PROXY TCP4 192.0.2.1 192.0.2.11 56324 443\n\r\n',
    'PROXY TCP4  192.0.2.1 192.0.2.11 56324 443\r\n',
    'PROXY TCP4 192.0.2.1 192.0.2.11 56324 443 \r\n',
    'PROXY TCP4 192.0.2.1 192.0.2.11 56324\r\n',
    'PROXY TCP4 192.0.2.1 192.0.2.11 56324 65536\r\n',
    'PROXY TCP4 192.0.2.1 192.0.2.11 056324 443\r\n',
    'PROXY TCP4 192.0.2.1 192.0.2.11 -1 443\r\n',
    'PROXY TCP4 192.0.2.01 192.0.2.11 56324 443\r\n',
    'PROXY TCP4 192.0.2.1 192.0.2.256 56324 443\r\n',
    'PROXY TCP4 2001:db8::1 2001:db8::2 56324 443\r\n',
    'PROXY TCP6 192.0.2.1 192.0.2.11 56324 443\r\n',
    'PROXY TCP6 fe80::1%eth0 fe80::2 56324 443\r\n',
    'PROXY TCP6 2001:db8::1::2 fe80::2 56324 443\r\n',
    'PROXY UDP4 192.0.2.1 192.0.2.11 56324 443\r\n',
    'PROXY UNKNOWNS\r\n        ',
    'PROXY TCP4\r\n    ',
    'proxy TCP4 192.0.2.1 192.0.2.11 56324 443\r\n',
  ])('is rejected if it is %j', (line) => {
    expect(thrownBy(() => receive(Buffer.from(line))).code).toBe('IO');
  });
});

describe('a header of version 2', () => {
  it('can be of unix sockets', () => {
    const path = `/${'é'.repeat(53)}x`;
    expect(Buffer.byteLength(path)).toBe(108);
    expect(infoOf(unixHeader(path, '/run/proxy.sock'))).toEqual({
      client: `unix:${path}`,
      destination: 'unix:/run/proxy.sock',
    });
    // The socket of a client usually has no path.
    expect(infoOf(unixHeader('', '/run/proxy.sock'))).toEqual({ destination: 'unix:/run/proxy.sock' });
    expect(infoOf(unixHeader('\0abstract', '/run/proxy.sock'))?.client).toBeUndefined();
    // The client chooses the path.
    expect(infoOf(unixHeader('/a\n\x1b[31mfoo', '/run/proxy.sock'))?.client).toBeUndefined();
  });

  it('of a connection that the proxy makes itself says nothing, whatever its family', () => {
    const body = binaryHeader(client, proxy).subarray(16);
    for (const familyAndProtocol of [0, 0x11, 0xff]) {
      expect(infoOf(rawHeader({ versionAndCommand: 0x20, familyAndProtocol, body }))).toEqual({});
      expect(infoOf(rawHeader({ versionAndCommand: 0x20, familyAndProtocol }))).toEqual({});
    }
  });

  it.each([0x00, 0x01, 0x02, 0x10, 0x20, 0x30, 0x12, 0x22, 0x32])(
    'says nothing with family and protocol 0x%x, which are no stream of a known family',
    (familyAndProtocol) => {
      expect(infoOf(rawHeader({ familyAndProtocol, body: Buffer.alloc(300, 1) }))).toEqual({});
    },
  );

  it.each([0x13, 0x1f, 0x40, 0x41, 0xf1, 0xff])(
    'is rejected with family and protocol 0x%x, which are not assigned',
    (familyAndProtocol) => {
      const header = rawHeader({ familyAndProtocol, body: Buffer.alloc(300) });
      expect(thrownBy(() => receive(header)).message).toContain('not assigned');
    },
  );

  it.each([0x11, 0x31, 0x01, 0x22, 0x2f])('is rejected with version and command 0x%x, before its end', (value) => {
    const header = rawHeader({ versionAndCommand: value, familyAndProtocol: 0x11, body: Buffer.alloc(12) });
    expect(thrownBy(() => receive(header.subarray(0, 13))).code).toBe('IO');
  });

  it.each([
    [0x11, 11],
    [0x21, 35],
    [0x31, 215],
  ])('is rejected if family and protocol 0x%x have only %i bytes', (familyAndProtocol, length) => {
    const header = rawHeader({ familyAndProtocol, body: Buffer.alloc(length) });
    expect(thrownBy(() => receive(header)).message).toContain(`${length} bytes`);
  });

  it('can have vectors of up to 65,523 bytes, which are not interpreted', () => {
    const crc32c = vector(3, Buffer.from('not the checksum'));
    expect(infoOf(binaryHeader(client, proxy, crc32c))).toEqual(told);
    const header = binaryHeader(client, proxy, Buffer.alloc(65_535 - 12, 0x0d));
    const behind = Buffer.from('behind');
    expect(receive(Buffer.concat([header, behind]))).toEqual({ info: told, rest: behind });
    expect(infoOf(header.subarray(0, -1))).toBeUndefined();
  });
});
