import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import {
  formatEndpoint,
  isValidTcpEndpoint,
  isValidUnixEndpoint,
  normalizeEndpoint,
  parseEndpoint,
} from '../src/index.js';
import type { Endpoint } from '../src/index.js';
import { expectInvalid } from './support.js';

const tcp = (host: string, port = 50051): Endpoint => ({ network: 'tcp', host, port });
const unix = (path: string): Endpoint => ({ network: 'unix', path });

const accepted: [text: string, endpoint: Endpoint, canonical: string][] = [
  ['127.0.0.1:50051', tcp('127.0.0.1'), '127.0.0.1:50051'],
  ['tcp:127.0.0.1:50051', tcp('127.0.0.1'), '127.0.0.1:50051'],
  ['tcp://127.0.0.1:50051', tcp('127.0.0.1'), '127.0.0.1:50051'],
  ['ipv4:127.0.0.1:50051', tcp('127.0.0.1'), '127.0.0.1:50051'],
  ['dns:127.0.0.1:50051', tcp('127.0.0.1'), '127.0.0.1:50051'],
  ['0.0.0.0:0', tcp('0.0.0.0', 0), '0.0.0.0:0'],
  ['255.255.255.255:65535', tcp('255.255.255.255', 65_535), '255.255.255.255:65535'],
  ['127.0.0.1:00080', tcp('127.0.0.1', 80), '127.0.0.1:80'],
  ['9.19.190.209:59999', tcp('9.19.190.209', 59_999), '9.19.190.209:59999'],

  ['[::1]:50051', tcp('::1'), '[::1]:50051'],
  ['ipv6:[::1]:50051', tcp('::1'), '[::1]:50051'],
  ['tcp:[::1]:50051', tcp('::1'), '[::1]:50051'],
  ['tcp://[::1]:50051', tcp('::1'), '[::1]:50051'],
  ['dns:///[::1]:50051', tcp('::1'), '[::1]:50051'],
  ['[::]:50051', tcp('::'), '[::]:50051'],
  ['[2001:DB8:0:0:1:0:0:1]:50051', tcp('2001:db8::1:0:0:1'), '[2001:db8::1:0:0:1]:50051'],
  ['[2001:db8:0:1:1:1:1:1]:50051', tcp('2001:db8:0:1:1:1:1:1'), '[2001:db8:0:1:1:1:1:1]:50051'],
  ['[::FFFF:127.0.0.1]:50051', tcp('::ffff:127.0.0.1'), '[::ffff:127.0.0.1]:50051'],
  ['[::ffff:7f00:1]:50051', tcp('::ffff:127.0.0.1'), '[::ffff:127.0.0.1]:50051'],
  ['[FE80::1%eth0]:50051', tcp('fe80::1%eth0'), '[fe80::1%eth0]:50051'],
  ['[fe80::1%Wi-Fi_2.~]:50051', tcp('fe80::1%Wi-Fi_2.~'), '[fe80::1%Wi-Fi_2.~]:50051'],

  ['host.example:50051', tcp('host.example'), 'host.example:50051'],
  ['dns:host.example:50051', tcp('host.example'), 'host.example:50051'],
  ['dns:///host.example:50051', tcp('host.example'), 'host.example:50051'],
  ['tcp:host.example:50051', tcp('host.example'), 'host.example:50051'],
  ['tcp://LocalHost:50051', tcp('localhost'), 'localhost:50051'],
  ['host.example.:50051', tcp('host.example.'), 'host.example.:50051'],
  ['my_plugin-1.local:50051', tcp('my_plugin-1.local'), 'my_plugin-1.local:50051'],
  ['1.2.3.4.example:50051', tcp('1.2.3.4.example'), '1.2.3.4.example:50051'],
  ['4ever:50051', tcp('4ever'), '4ever:50051'],
  ['dns.:50051', tcp('dns.'), 'dns.:50051'],
  ['ipv4.example:50051', tcp('ipv4.example'), 'ipv4.example:50051'],
  ['ipv6.example:50051', tcp('ipv6.example'), 'ipv6.example:50051'],
  ['az09.AZ:50051', tcp('az09.az'), 'az09.az:50051'],
  ['1X2X3X4:50051', tcp('1x2x3x4'), '1x2x3x4:50051'],
  ['0x7g:50051', tcp('0x7g'), '0x7g:50051'],
  ['0x7f.example:50051', tcp('0x7f.example'), '0x7f.example:50051'],
  ['redis:6379', tcp('redis', 6379), 'redis:6379'],
  ['memory.:1', tcp('memory.', 1), 'memory.:1'],
  ['stdio.example:1', tcp('stdio.example', 1), 'stdio.example:1'],
  [`${'a'.repeat(253)}:1`, tcp('a'.repeat(253), 1), `${'a'.repeat(253)}:1`],
  [`tcp://${'a'.repeat(253)}:1`, tcp('a'.repeat(253), 1), `${'a'.repeat(253)}:1`],

  ['/run/p.sock', unix('/run/p.sock'), 'unix:/run/p.sock'],
  ['unix:/run/p.sock', unix('/run/p.sock'), 'unix:/run/p.sock'],
  ['unix://run/p.sock', unix('/run/p.sock'), 'unix:/run/p.sock'],
  ['unix:///run/p.sock', unix('/run/p.sock'), 'unix:/run/p.sock'],
  ['unix:////run/p.sock', unix('/run/p.sock'), 'unix:/run/p.sock'],
  ['//run///p.sock', unix('/run/p.sock'), 'unix:/run/p.sock'],
  ['/run//p.sock', unix('/run//p.sock'), 'unix:/run//p.sock'],
  ['/run/../p.sock', unix('/run/../p.sock'), 'unix:/run/../p.sock'],
  ['/run/my plugin/ü.sock', unix('/run/my plugin/ü.sock'), 'unix:/run/my plugin/ü.sock'],
  ['/run/😀', unix('/run/😀'), 'unix:/run/😀'],
  ['/run/p.', unix('/run/p.'), 'unix:/run/p.'],
  ['/run/...', unix('/run/...'), 'unix:/run/...'],
  ['unix:p.sock', unix('p.sock'), 'unix:p.sock'],
  ['./p.sock', unix('p.sock'), 'unix:p.sock'],
  ['unix:./p.sock', unix('p.sock'), 'unix:p.sock'],
  ['.//p.sock', unix('p.sock'), 'unix:p.sock'],
  ['././//./p.sock', unix('p.sock'), 'unix:p.sock'],
  ['../p.sock', unix('../p.sock'), 'unix:../p.sock'],
  ['./../p.sock', unix('../p.sock'), 'unix:../p.sock'],
  ['unix:a//b', unix('a//b'), 'unix:a//b'],
  ['unix:@x', unix('@x'), 'unix:@x'],
  ['unix:127.0.0.1:50051', unix('127.0.0.1:50051'), 'unix:127.0.0.1:50051'],
  ['unix:unix:/p', unix('unix:/p'), 'unix:unix:/p'],
  ['./unix:p', unix('unix:p'), 'unix:unix:p'],
];

const rejected: [text: string, hint: RegExp][] = [
  ['', /empty.*host:port.*unix:path/],
  [' 127.0.0.1:50051', /whitespace/],
  ['127.0.0.1:50051\n', /control character/],
  ['127.0.0.1\0:50051', /control character/],

  ['localhost', /Missing port.*"localhost:50051"/],
  ['localhost80', /Missing port.*"localhost80:50051"/],
  ['p.sock', /Missing port.*"unix:p\.sock" or "\.\/p\.sock"/],
  ['run/p.sock', /"unix:run\/p\.sock"/],
  ['tcp://localhost', /Missing port.*"localhost:50051"/],
  ['[::1]', /Missing port.*"\[::1\]:50051"/],
  ['tcp:[::1]', /Missing port.*"\[::1\]:50051"/],
  ['localhost:', /Missing port/],
  ['[::1]50051', /Missing port.*\[address\]:port/],
  ['50051', /host is missing.*"127\.0\.0\.1:50051"/],
  ['tcp:50051', /host is missing.*name of a scheme/],
  [':50051', /host is empty.*"127\.0\.0\.1:50051"/],
  ['tcp://:50051', /host is empty/],
  ['[]:50051', /host is empty/],

  ['127.0.0.1:65536', /"65536" is out of range.*0 to 65535/],
  ['127.0.0.1:000080', /1 to 5 digits/],
  ['127.0.0.1:-1', /"-1" is not a plain decimal number/],
  ['127.0.0.1:+80', /not a plain decimal number/],
  ['127.0.0.1:0x50', /not a plain decimal number/],
  ['127.0.0.1:1e3', /not a plain decimal number/],
  ['127.0.0.1:http', /not a plain decimal number/],
  ['my-TCP:http', /not a plain decimal number/],
  ['ipv4:127.0.0.1:http', /not a plain decimal number/],
  ['ipv6:[::1]:65536', /out of range/],
  ['127.0.0.1:٨٠', /not a plain decimal number/],

  ['::1', /IPv6 address needs brackets.*"\[::1\]:50051"/],
  ['::1:50051', /IPv6 address needs brackets.*"\[::1\]:50051"/],
  ['fe80::1%eth0:80', /"\[fe80::1%eth0\]:80"/],
  ['tcp://2001:db8::1:80', /"\[2001:db8::1\]:80"/],
  ['ipv6:::1:80', /"\[::1\]:80"/],
  ['a:b:1', /Too many colons/],
  ['::1:x80', /Too many colons/],
  ['::1:80x', /Too many colons/],
  ['tcp:tcp:1', /scheme/],
  ['[::1:50051', /Close the bracket/],
  ['::1]:50051', /brackets/],
  ['ipv6:x::1]:50051', /Too many colons/],
  ['a]:50051', /Unexpected '\]'/],
  ['a[b:50051', /Unexpected '\['/],
  ['[localhost]:50051', /brackets.*"localhost:50051"/],
  ['[127.0.0.1]:50051', /brackets.*"127\.0\.0\.1:50051"/],
  ['[::g]:50051', /not an IPv6 address/],
  ['[::g%eth0]:50051', /not an IPv6 address/],
  ['[1:2]:50051', /not an IPv6 address/],
  ['[fe80::1%]:50051', /zone/],
  ['[fe80::1%a b]:50051', /whitespace/],
  ['[fe80::1%a:b]:50051', /zone/],
  ['[fe80::1%eth0%eth1]:50051', /zone/],

  ['127.1:50051', /not an IPv4 address/],
  ['0x7f.1:50051', /not an IPv4 address.*decimal/],
  ['127.0x1:50051', /not an IPv4 address/],
  ['0X7F000001:50051', /not an IPv4 address/],
  ['0x:50051', /not an IPv4 address/],
  ['0x7f.0.0.0x1.:50051', /not an IPv4 address/],
  ['2130706433:50051', /not an IPv4 address/],
  ['127.0.0.256:50051', /not an IPv4 address.*0 to 255/],
  ['127.0.0.01:50051', /leading zeros/],
  ['127.0.0.1.:50051', /not an IPv4 address/],
  ['1.2.3.4.5:50051', /not an IPv4 address/],
  ['1..2.3:50051', /not an IPv4 address/],
  ['1.2.3.:50051', /not an IPv4 address/],
  ['ipv4:localhost:50051', /not an IPv4 address.*without ipv4:/],
  ['ipv4:1x2x3x4:50051', /not an IPv4 address.*without ipv4:/],
  ['ipv4:[::1]:50051', /not an IPv4 address.*without ipv4:/],
  ['ipv6:127.0.0.1:50051', /not an IPv6 address.*without ipv6:/],
  ['ipv6:localhost:50051', /not an IPv6 address.*without ipv6:/],

  ['-host:50051', /host name .* is malformed/],
  ['host-:50051', /host name .* is malformed/],
  ['a.-b:50051', /host name .* is malformed/],
  ['a-.b:50051', /host name .* is malformed/],
  ['.host:50051', /host name .* is malformed/],
  ['a..b:50051', /host name .* is malformed/],
  ['host..:50051', /host name .* is malformed/],
  ['.:50051', /host|IPv4/],
  ['hôte.example:50051', /xn--/],
  ['\u212a:50051', /xn--/], // KELVIN SIGN, which toLowerCase turns into an ASCII k
  ['host%eth0:50051', /zone|host name/],
  ['*:50051', /host name .* is malformed/],
  [`${'a'.repeat(254)}:1`, /at most 253/],
  ['unix-abstract:name', /abstract.*permissions.*unix:path/],
  ['unix-abstract:80', /abstract.*permissions/],
  ['tcp:unix:80', /name of a scheme/],
  ['xds:80', /name of a scheme/],
  ['memory:1', /name of a scheme.*another transport.*full name/],
  ['NPIPE:5', /name of a scheme/],
  ['tcp:stdio:3', /name of a scheme/],
  ['dns:///fd:3', /name of a scheme/],
  ['pipe:name', /name of a scheme/],

  ['http://localhost:50051', /scheme is unknown.*host:port.*unix:path/],
  ['xds:///service', /scheme is unknown/],
  ['xtcp://localhost:50051', /scheme is unknown/],
  ['xdns://localhost:50051', /scheme is unknown/],
  ['ipv4://127.0.0.1:50051', /scheme is unknown.*ipv4:127/],
  ['TCP://127.0.0.1:50051', /lower case.*tcp:/],
  ['Unix:/run/p.sock', /lower case.*unix:/],
  ['IPV4:127.0.0.1:50051', /lower case.*ipv4:/],
  ['dns://8.8.8.8/host.example:50051', /DNS server.*connectGrpcTarget/],
  ['dns:/host.example:50051', /path/],
  ['ipv4:127.0.0.1:1,127.0.0.2:1', /list.*connectGrpcTarget/],
  ['127.0.0.1:1,127.0.0.2:1', /list.*connectGrpcTarget/],
  ['user:secret@host:50051', /credentials/],
  ['tcp://user@host:50051', /credentials/],
  ['tcp://host:50051/', /path or query.*unix:path/],
  ['tcp:///host:50051', /path or query/],
  ['host:50051?a=b', /path or query/],
  ['host:50051#a', /path or query/],

  ['unix:', /path is empty.*unix:\/run/],
  ['unix://', /directory/],
  ['/', /directory/],
  ['./', /directory/],
  ['../', /directory/],
  ['/run/', /directory.*name of the socket/],
  ['/run/.', /directory/],
  ['/run/..', /directory/],
  ['unix:.', /directory/],
  ['unix:..', /directory/],
  ['unix:\0name', /control character/],
  ['unix:\x01', /control character/],
  ['/run/a\nb', /control character/],
  ['/run/\x7f', /control character/],
  ['/run/\x85', /control character/],
  ['/run/\ud800', /surrogate/],
  ['/run/\udc00😀', /surrogate/],
];

const values: unknown[] = [undefined, null, 0, NaN, 1n, true, [], {}, () => '', Symbol('s'), Object.create(null)];

describe('parseEndpoint', () => {
  test.each(accepted)('accepts %j', (text, endpoint, canonical) => {
    expect(parseEndpoint(text)).toEqual(endpoint);
    expect(normalizeEndpoint(text)).toBe(canonical);
    expect(formatEndpoint(endpoint)).toBe(canonical);
    expect(isValidTcpEndpoint(text)).toBe(endpoint.network === 'tcp');
    expect(isValidUnixEndpoint(text)).toBe(endpoint.network === 'unix');
  });

  test.each(rejected)('rejects %j with a hint', (text, hint) => {
    const error = expectInvalid(() => parseEndpoint(text));
    expect(error.hint).toMatch(hint);
    expect(error.endpoint).toBe(text);
    expect(isValidTcpEndpoint(text)).toBe(false);
    expect(isValidUnixEndpoint(text)).toBe(false);
  });

  test.each(values.map((value) => [inspect(value), value] as const))(
    'rejects %s, which is not a string',
    (_, value) => {
      const text = value as string;
      expect(expectInvalid(() => parseEndpoint(text)).hint).toMatch(/not a string/);
      expect(expectInvalid(() => normalizeEndpoint(text)).hint).toMatch(/not a string/);
      expect(isValidTcpEndpoint(text)).toBe(false);
      expect(isValidUnixEndpoint(text)).toBe(false);
    },
  );
});

describe('the error message', () => {
  test.each<[value: unknown, shown: string]>([
    [undefined, 'undefined'],
    [null, 'null'],
    [80, '80'],
    [{ toString: () => 'a:80' }, 'an object'],
    [() => 'a:80', 'a function'],
    [Symbol('a:80'), 'Symbol(a:80)'],
  ])('shows %o without calling toString of an object', (value, shown) => {
    expect(expectInvalid(() => parseEndpoint(value as string)).message).toBe(
      `invalid endpoint ${shown}: it is not a string`,
    );
  });

  test('escapes characters that a terminal hides', () => {
    const { message } = expectInvalid(() => parseEndpoint('a\0\n\x85\u202e\ud800"'));
    expect(message).toContain(String.raw`"a\u0000\n\u{85}\u{202e}\ud800\""`);
  });

  test('stays short for long text', () => {
    const text = `tcp://${'a'.repeat(1_000_000)}`;
    const error = expectInvalid(() => parseEndpoint(text));
    expect(error.message.length).toBeLessThan(300);
    expect(error.hint?.length).toBeLessThan(600);
    expect(error.endpoint).toBe(text);
  });
});

describe('formatEndpoint', () => {
  test.each<[endpoint: Endpoint, canonical: string]>([
    [tcp('LOCALHOST'), 'localhost:50051'],
    [tcp('0:0::1'), '[::1]:50051'],
    [tcp('::1', -0), '[::1]:0'],
    [unix('//run//p'), 'unix:/run/p'],
    [unix('./p'), 'unix:p'],
  ])('turns %j into its canonical form', (endpoint, canonical) => {
    expect(formatEndpoint(endpoint)).toBe(canonical);
  });

  test.each<[endpoint: unknown, hint: RegExp]>([
    [tcp('::1', 70_000), /out of range/],
    [tcp('::1', -1), /decimal/],
    [tcp('::1', 1.5), /decimal/],
    [tcp('::1', NaN), /decimal/],
    [tcp('::1', 1e21), /decimal/],
    [tcp(''), /host is empty/],
    [tcp('[::1]'), /bracket|port/],
    [tcp('127.0.0.1:80'), /IPv6/],
    [tcp('tcp://a'), /./],
    [tcp('/a'), /path/],
    [tcp('a@b'), /credentials/],
    ...['tcp', 'unix', 'DNS', 'ipv4', 'ipv6', 'unix-abstract', 'xds'].map((host): [Endpoint, RegExp] => [
      tcp(host),
      /name of a scheme|abstract|lower case/,
    ]),
    [unix(''), /path is empty/],
    [unix('/run/'), /directory/],
    [unix('a\nb'), /control/],
    [{ network: 'tcp', host: 'a', port: '80' }, /not a number/],
    [{ network: 'tcp', host: 'a' }, /not a number/],
    [{ network: 'tcp', port: 80 }, /not a string/],
    [{ network: 'unix' }, /not a string/],
    [{ network: 'udp', host: 'a', port: 80 }, /'tcp' or 'unix'/],
    [{}, /'tcp' or 'unix'/],
    [null, /not an object/],
    ['a:80', /not an object/],
  ])('rejects %j', (endpoint, hint) => {
    expect(expectInvalid(() => formatEndpoint(endpoint as Endpoint)).hint).toMatch(hint);
  });

  test('names the endpoint that the parts would make in the error', () => {
    expect(expectInvalid(() => formatEndpoint(tcp('::1', 70_000))).endpoint).toBe('[::1]:70000');
  });
});
