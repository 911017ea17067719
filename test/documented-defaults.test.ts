// The defaults of options that are numbers, addresses or booleans: what READMEs and doc comments say, and the code does.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const packages = fileURLToPath(new URL('../packages', import.meta.url));
const lifecycle = 'transport-base/src/stream-transport.ts';
const unixWait = ['transport-unix/src/unix-socket-transport.ts', 'waitMs: '] as const;
const otherWait = [lifecycle, 'dialer.waitMs ?? '] as const;
const proxyTimeout = [
  'transport-base/src/proxied-connections.ts',
  "'proxyProtocol.timeoutMs', options.timeoutMs, ",
] as const;
const graceMs = "'graceMs', options.graceMs, ";
const timeoutMs = "'timeoutMs', options.timeoutMs, ";
const connectTimeout = ['transport-base/src/options.ts', 'CONNECT_TIMEOUT_MS = '] as const;

/** Where the code has the defaults: after this text in the file. */
const inCode: Record<string, Record<string, (readonly [file: string, before: string])[]>> = {
  'transport-core': {
    timeoutMs: [connectTimeout],
    waitMs: [unixWait, otherWait],
    graceMs: [[lifecycle, graceMs]],
    allowHalfOpen: [[lifecycle, "'allowHalfOpen', options.allowHalfOpen, 'boolean') ?? "]],
    pauseOnConnect: [[lifecycle, "'pauseOnConnect', options.pauseOnConnect, 'boolean') ?? "]],
  },
  'transport-base': {
    timeoutMs: [proxyTimeout],
    waitMs: [otherWait],
    retryMs: [['transport-base/src/dial.ts', 'retryMs = ']],
  },
  'transport-tcp': {
    host: [['transport-tcp/src/options.ts', 'host = ']],
    port: [['transport-tcp/src/options.ts', 'port = ']],
    keepAliveMs: [['transport-base/src/sockets.ts', 'KEEP_ALIVE_MS = ']],
    timeoutMs: [proxyTimeout],
    waitMs: [otherWait],
  },
  'transport-stdio': { fd: [['transport-stdio/src/options.ts', 'DEFAULT_FD = ']] },
  'transport-unix': {
    mode: [['transport-unix/src/options.ts', 'mode ?? ']],
    timeoutMs: [proxyTimeout],
    waitMs: [unixWait],
  },
  'transport-grpc': {
    handshakeTimeoutMs: [['transport-grpc/src/serve-grpc.ts', 'options.handshakeTimeoutMs, ']],
    timeoutMs: [connectTimeout],
    waitMs: [unixWait, otherWait],
    graceMs: [['transport-grpc/src/grpc-connection.ts', graceMs]],
    pingIntervalMs: [['transport-grpc/src/call-pings.ts', 'INTERVAL_MS = ']],
  },
  'endpoint-utils': { pluginAt: [['endpoint-utils/src/address-translator.ts', 'pluginAt = ']] },
  handshake: {
    multiplexing: [['handshake/src/environment.ts', 'multiplexing = ']],
    timeoutMs: [['handshake/src/read-handshake.ts', timeoutMs]],
    graceMs: [['handshake/src/end-plugin.ts', graceMs]],
  },
  'transport-testkit': { timeoutMs: [['transport-testkit/src/cases.ts', 'timeoutMs = ']] },
  'rpc-endpoint': { '--timeout': [['rpc-endpoint/src/command-line.ts', 'const TIMEOUT_MS = ']] },
};
/** Where Node has the default. */
const ofNode = ['backlog'];

const literal = /0o\d+|\d+(?:[_,]\d{3})*(?:\.\d+)*|true|false/;

/** The numbers, addresses and booleans in a text, without separators. */
function literals(text: string): string[] {
  return (text.match(new RegExp(literal, 'g')) ?? []).map((each) => each.replaceAll(/[_,]/g, ''));
}

function read(file: string): string {
  return readFileSync(join(packages, file), 'utf8');
}

function defaultsInCode(name: string, option: string): string[] {
  const found = (inCode[name]?.[option] ?? []).flatMap(([file, before]) => {
    const [, ...after] = read(file).split(before);
    const own = after.map((text) => new RegExp(`^'?(${literal.source})`).exec(text)?.[1] ?? '');
    return own.flatMap(literals);
  });
  return [...new Set(found)];
}

interface Documented {
  readonly name: string;
  readonly option: string;
  readonly defaults: string;
  readonly where: 'README.md' | 'a doc comment';
}

function documented(name: string): Documented[] {
  const sources = readdirSync(join(packages, name, 'src'), { recursive: true, encoding: 'utf8' });
  const code = sources.filter((file) => file.endsWith('.ts')).map((file) => read(join(name, 'src', file)));
  // Optional members of interfaces, each with its doc comment.
  const comments = [...code.join('\n').matchAll(/\/\*\*((?:(?!\*\/)[^])*)\*\/\s+(?:readonly )?(\w+)\?:/g)].map(
    ([, comment = '', option = '']) =>
      [option, /Default: (.*?)\.(?:\s|$)/s.exec(comment.replaceAll(/\n\s+\*/g, ''))?.[1] ?? ''] as const,
  );
  const readme = read(join(name, 'README.md'));
  const tables = [...readme.matchAll(/^\| [^|]*\| default .*\n((?:\|.*\n)+)/gm)].map(([, rows = '']) => rows);
  const rows = [...tables.join('').matchAll(/^\| `((?:--)?\w+)(?: <\w+>)?`[^|]*\|([^|]*)\|/gm)];
  const sentences = [...readme.matchAll(/`(\w+)` is\s(\S+)\sby\sdefault/g)];
  const inReadme = [...rows, ...sentences].map(([, option = '', text = '']) => [option, text] as const);
  const all = [
    ...comments.map((entry) => [...entry, 'a doc comment'] as const),
    ...inReadme.map((entry) => [...entry, 'README.md'] as const),
  ];
  return all
    .filter(([option, text]) => literals(text).length > 0 && !ofNode.includes(option))
    .map(([option, text, where]) => ({ name, option, where, defaults: literals(text).join(' ') }));
}

const all = readdirSync(packages).flatMap(documented);

describe('the default of an option', () => {
  it.each(all)('$option of $name is $defaults, as $where says', ({ name, option, defaults }) => {
    expect(defaultsInCode(name, option).join(' ')).toBe(defaults);
  });

  it('is documented', () => {
    const options = Object.entries(inCode).flatMap(([name, own]) => Object.keys(own).map((each) => `${name} ${each}`));
    expect(new Set(all.map(({ name, option }) => `${name} ${option}`))).toEqual(new Set(options));
  });
});
