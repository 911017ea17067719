import fc from 'fast-check';
import { parseEndpoint } from '../src/index.js';

/** Any code point but a half of a surrogate pair. fast-check's unit `binary` is the same, and takes a second to make. */
export const codePoint = fc
  .oneof(fc.nat(0xd7ff), fc.integer({ min: 0xe000, max: 0x10ffff }))
  .map((point) => String.fromCodePoint(point));

const label = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_-]{0,8}[A-Za-z0-9_]$/);
const port = fc.oneof(fc.constantFrom('0', '00080', '65535'), fc.nat(65_535).map(String));
const ipv6 = fc.oneof(
  fc.ipV6(),
  fc.tuple(fc.ipV6(), fc.stringMatching(/^[A-Za-z0-9._~-]{1,8}$/)).map(([address, zone]) => `${address}%${zone}`),
);
const bracketed = ipv6.map((address) => `[${address}]`);
// The last label keeps it from being the name of a scheme or an IPv4 address.
const name = fc
  .tuple(fc.array(label, { maxLength: 3 }), fc.constantFrom('', '.'))
  .map(([labels, dot]) => [...labels, 'Example'].join('.') + dot);

const tcpText = fc
  .oneof(
    fc.tuple(fc.constantFrom('', 'tcp:', 'tcp://', 'ipv4:', 'dns:', 'dns:///'), fc.ipV4()),
    fc.tuple(fc.constantFrom('', 'tcp:', 'tcp://', 'ipv6:', 'dns:', 'dns:///'), bracketed),
    fc.tuple(fc.constantFrom('', 'tcp:', 'tcp://', 'dns:', 'dns:///'), name),
  )
  .chain(([scheme, host]) => port.map((digits) => `${scheme}${host}:${digits}`));

const segment = fc.oneof(
  fc.constantFrom('.', '..', '', 'unix:', '@x'),
  fc.stringMatching(/^[ -.0-~]{1,12}$/),
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 6 }).filter((text) => !/[\p{Cc}\p{Cs}/]/u.test(text)),
);
const unixText = fc
  .tuple(
    fc.constantFrom('unix:', '/', './', '../', 'unix:/', 'unix://', 'unix:///', 'unix:./', './/', '//'),
    fc.array(segment, { maxLength: 4 }),
  )
  .map(([start, segments]) => start + [...segments, 'p.sock'].join('/'));

/** Text that `parseEndpoint` accepts, in all its forms. */
export const endpointText = fc.oneof(tcpText, unixText);

/** Endpoints in parts, parsed from such text. */
export const endpoint = endpointText.map(parseEndpoint);

const edit = fc.record({
  at: fc.nat(40),
  remove: fc.nat(3),
  insert: fc.oneof(
    fc.constantFrom(
      ...[
        '',
        ':',
        '::',
        '[',
        ']',
        '%',
        '@',
        '/',
        '//',
        '.',
        '-',
        ',',
        '|',
        '0',
        '9',
        ' ',
        '\n',
        '\0',
        '\x7f',
        '\ud800',
      ],
      ...['unix:', 'tcp://', 'ipv4:', 'dns:///', 'unix-abstract:', '\u212a', 'é'],
    ),
    fc.string({ unit: codePoint, maxLength: 2 }),
  ),
});

/** Endpoint text after a few edits, often still valid. */
export const nearlyEndpointText = fc
  .tuple(endpointText, fc.array(edit, { minLength: 1, maxLength: 3 }))
  .map(([text, edits]) =>
    edits.reduce((edited, { at, remove, insert }) => edited.slice(0, at) + insert + edited.slice(at + remove), text),
  );
