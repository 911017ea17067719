import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { parseArgs } from 'node:util';
import { quote, showLine } from '@rpcplugin/printable';
import { errnoOf, messageOf, toTransportError } from '@rpcplugin/transport-base';
import { TransportError } from '@rpcplugin/transport-core';
import type { ProbeOptions, TlsOptions } from './probe/probe.js';

/** Default of `--timeout`, in milliseconds. */
const TIMEOUT_MS = 2000;
/** The longest time that Node's timers take, in milliseconds. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

interface Style {
  readonly json: boolean;
  /** Whether to use colour, if the terminal and the environment want it. */
  readonly color: boolean;
}

/** What the arguments ask for. */
export type CommandLine = Style &
  (
    | { readonly command: 'help' }
    | { readonly command: 'version' }
    | { readonly command: 'explain'; readonly endpoint: string }
    | ({ readonly command: 'probe'; readonly endpoint: string } & ProbeOptions)
    | { readonly command: 'sweep'; readonly directory: string | undefined; readonly dryRun: boolean }
  );

const options = {
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean' },
  json: { type: 'boolean' },
  'no-color': { type: 'boolean' },
  timeout: { type: 'string' },
  'no-grpc': { type: 'boolean' },
  tls: { type: 'boolean' },
  ca: { type: 'string' },
  cert: { type: 'string' },
  key: { type: 'string' },
  authority: { type: 'string' },
  'dry-run': { type: 'boolean' },
} as const;

type OptionName = keyof typeof options;
type Values = ReturnType<typeof parse>['values'];

/** The options of one command only. */
const ownOptions = {
  explain: [],
  probe: ['timeout', 'no-grpc', 'tls', 'ca', 'cert', 'key', 'authority'],
  sweep: ['dry-run'],
} as const satisfies Record<string, readonly OptionName[]>;

type Command = keyof typeof ownOptions;

/** Reads the arguments. @throws TransportError `INVALID_ARGUMENT` for wrong usage. */
export function readCommandLine(args: readonly string[]): CommandLine {
  const { values, positionals } = parse(args);
  const style = { json: values.json === true, color: values['no-color'] !== true };
  if (values.help === true) return { command: 'help', ...style };
  if (values.version === true) return { command: 'version', ...style };
  const [first = '', ...rest] = positionals;
  const command: Command = isCommand(first) ? first : 'explain';
  const operands = isCommand(first) ? rest : positionals;
  assertOptionsOf(command, values);
  if (operands.length > 1) throw usage(`unexpected argument ${quote(operands[1] ?? '')}`);
  const [operand] = operands;
  if (command === 'sweep') {
    if (operand === '') throw usage('the directory is empty');
    return { command, directory: operand, dryRun: values['dry-run'] === true, ...style };
  }
  if (operand === undefined) throw usage('an endpoint is missing');
  if (command === 'explain') return { command, endpoint: operand, ...style };
  return {
    command,
    endpoint: operand,
    timeoutMs: timeoutOf(values.timeout),
    checksGrpc: values['no-grpc'] !== true,
    tls: tlsOf(values),
    authority: authorityOf(values.authority),
    ...style,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (error) {
    if (errnoOf(error)?.startsWith('ERR_PARSE_ARGS_') !== true) throw error;
    // The rest of the message is about programs that take any argument.
    const [what = ''] = messageOf(error).split(/\.?(?: To specify|\n)/);
    throw usage(showLine(what.charAt(0).toLowerCase() + what.slice(1)), error);
  }
}

function isCommand(text: string): text is Command {
  return Object.hasOwn(ownOptions, text);
}

function assertOptionsOf(command: Command, values: Values): void {
  for (const [other, names] of Object.entries(ownOptions)) {
    const wrong = names.find((name) => values[name] !== undefined);
    if (other !== command && wrong !== undefined) throw usage(`--${wrong} is an option of ${other}, not of ${command}`);
  }
}

function timeoutOf(text: string | undefined): number {
  if (text === undefined) return TIMEOUT_MS;
  const timeoutMs = Number(text);
  if (/^\d+$/.test(text) && timeoutMs >= 1 && timeoutMs <= MAX_TIMEOUT_MS) return timeoutMs;
  throw usage(`--timeout cannot be ${quote(text)}: give milliseconds, at least 1`);
}

/** A host, without a port: it is the name in a certificate as well. */
function authorityOf(text: string | undefined): string | undefined {
  if (text === undefined || isIP(text) !== 0) return text;
  if (/^[\w.-]+$/.test(text) && URL.canParse(`http://${text}`)) return text;
  throw usage(`--authority cannot be ${quote(text)}: give the name of a host, without a port`);
}

function tlsOf({ tls, ca, cert, key }: Values): TlsOptions | undefined {
  if ((cert === undefined) !== (key === undefined)) throw usage('--cert and --key go together');
  if (tls !== true && ca === undefined && cert === undefined) return undefined;
  return { ca: fileOf('ca', ca), cert: fileOf('cert', cert), key: fileOf('key', key) };
}

function fileOf(option: string, path: string | undefined): string | undefined {
  if (path === undefined) return undefined;
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw toTransportError(error, `cannot read the file of --${option}`, path, { NOT_FOUND: 'Check the path.' });
  }
}

function usage(what: string, cause?: unknown): TransportError {
  return new TransportError('INVALID_ARGUMENT', what, { hint: 'Run `rpc-endpoint --help` for the usage.', cause });
}
