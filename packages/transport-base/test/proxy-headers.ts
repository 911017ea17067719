import { binaryHeader, rawHeader, textHeader, unixHeader, vector } from '@rpcplugin/test-support';
import fc from 'fast-check';

const port = fc.oneof(fc.constantFrom(0, 1, 65_535), fc.nat(65_535));

/** Two addresses of one family. */
export const addresses = fc
  .oneof(fc.tuple(fc.ipV4(), fc.ipV4()), fc.tuple(fc.ipV6(), fc.ipV6()))
  .chain(([source, destination]) =>
    fc.tuple(fc.record({ ip: fc.constant(source), port }), fc.record({ ip: fc.constant(destination), port })),
  );

/** Vectors, also such as do not end where they say. */
export const vectors = fc.oneof(
  fc
    .array(fc.tuple(fc.nat(255), fc.uint8Array({ maxLength: 300 })))
    .map((all) => Buffer.concat(all.map(([type, value]) => vector(type, Buffer.from(value))))),
  fc.uint8Array({ maxLength: 1000 }).map((bytes) => Buffer.from(bytes)),
);

/** A header of either version, of any kind of address. */
export const anyHeader = fc.oneof(
  addresses.map(([source, destination]) => textHeader(source, destination)),
  fc.tuple(addresses, vectors).map(([[source, destination], tlv]) => binaryHeader(source, destination, tlv)),
  fc.constantFrom('PROXY UNKNOWN\r\n', 'PROXY UNKNOWN anything else\r\n').map((line) => Buffer.from(line)),
  fc.constant(unixHeader('/run/client.sock', '/run/proxy.sock')),
  vectors.map((body) => rawHeader({ versionAndCommand: 0x20, body })),
);
