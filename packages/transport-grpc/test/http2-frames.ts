// HTTP/2 as bytes, for peers that follow the frame syntax and nothing else: RFC 9113, sections 3.4 and 6; RFC 7541.

export const frameTypes = {
  data: 0,
  headers: 1,
  rstStream: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;
export const flags = { endStream: 1, ack: 1, endHeaders: 4 } as const;

export function frame(type: number, flag = 0, stream = 0, payload: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flag, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** The first bytes that a client sends. */
export const preface = Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), frame(frameTypes.settings)]);

const tooLong = frame(frameTypes.data, 0, 1);
tooLong.writeUIntBE(0xffffff, 0, 3);

/** What HTTP/2 fails on, after the beginning of a session: connection errors of RFC 9113, section 5.4.1. */
export const malformed: Record<string, Buffer> = {
  'DATA on stream 0': frame(frameTypes.data, 0, 0, Buffer.from('x')),
  'HEADERS that cannot be decoded': frame(frameTypes.headers, flags.endHeaders, 1, Buffer.alloc(6, 0xff)),
  'a frame of 16 MB': tooLong,
  'SETTINGS of five bytes': frame(frameTypes.settings, 0, 0, Buffer.alloc(5)),
  'PING of three bytes': frame(frameTypes.ping, 0, 0, Buffer.alloc(3)),
  'CONTINUATION of nothing': frame(frameTypes.continuation, flags.endHeaders, 1, Buffer.alloc(3)),
  'random bytes': Buffer.alloc(2000, 0xa5),
};

/** A block of header fields, each a literal that the peer does not index. */
export function headerBlock(fields: Record<string, string>): Buffer {
  return Buffer.concat(Object.entries(fields).flatMap(([name, value]) => [Buffer.from([0]), text(name), text(value)]));
}

function text(value: string): Buffer {
  const length = value.length < 127 ? [value.length] : [127];
  if (value.length >= 127) {
    let rest = value.length - 127;
    for (; rest >= 128; rest = Math.floor(rest / 128)) length.push((rest % 128) + 128);
    length.push(rest);
  }
  return Buffer.concat([Buffer.from(length), Buffer.from(value)]);
}

/** The header fields of a call. */
export function callHeaders(path: string): Record<string, string> {
  return {
    ':method': 'POST',
    ':scheme': 'http',
    ':authority': 'localhost',
    ':path': path,
    'content-type': 'application/grpc',
    te: 'trailers',
  };
}
