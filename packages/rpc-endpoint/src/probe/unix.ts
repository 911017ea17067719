import { basename, dirname } from 'node:path';
import type { UnixEndpoint } from '@rpcplugin/endpoint-utils';
import { absoluteSocketPath, errnoOf, socketPathLimitBytes, toTransportError } from '@rpcplugin/transport-base';
import type { TransportError, TransportErrorCode } from '@rpcplugin/transport-core';
import { UnixSocketTransport } from '@rpcplugin/transport-unix';
import { findLeftovers } from '@rpcplugin/transport-unix/leftovers';
import type { Leftover } from '@rpcplugin/transport-unix/leftovers';
import type { Fact, Finding } from '../report.js';
import { shellWord } from '../shell.js';
import { commandOf, listeningProcesses, processText } from './listeners.js';
import type { ListeningProcess } from './listeners.js';
import type { Connection, Reach, Status } from './probe.js';
import { closedDirectory, fileText, lookAt, missingDirectory } from './socket-file.js';
import type { SocketFile } from './socket-file.js';

/** The fields of `probe --json` for a unix endpoint. */
interface UnixData {
  readonly path: string;
  readonly pathBytes: number;
  readonly pathLimitBytes: number;
  readonly file?: SocketFile;
  readonly listeners?: readonly ListeningProcess[];
  /** The lock that a listener takes to replace a stale socket at the path. */
  readonly lock?: Pick<Leftover, 'owner' | 'pid'>;
  /** How many sockets and locks killed processes have left beside the socket. */
  readonly leftovers?: number;
}

/** What a failed attempt means. */
interface Failure {
  readonly status: Exclude<Status, 'live'>;
  readonly code: TransportErrorCode;
  readonly what: string;
  readonly advice: string;
}

/** Looks at a socket file, and connects. @throws TransportError `UNSUPPORTED` on Windows. */
export async function probeUnix(endpoint: UnixEndpoint, timeoutMs: number): Promise<Reach> {
  // Windows has none of what follows: this throws there.
  const transport = new UnixSocketTransport();
  const path = absoluteSocketPath(endpoint.path);
  const { file, stats, errno } = lookAt(path);
  const isSocket = file?.kind === 'socket';
  const listeners = isSocket && stats !== undefined ? listeningProcesses(path, stats) : undefined;
  const { isGenerated, ...beside } = await leftoversBeside(path);
  const data: UnixData = {
    path,
    pathBytes: Buffer.byteLength(path),
    pathLimitBytes: socketPathLimitBytes,
    ...(file && { file }),
    ...(listeners && { listeners }),
    ...beside,
  };
  const failure = failureBefore(path, data, errno);
  const connection = failure === undefined ? await connect(transport, path, timeoutMs) : undefined;
  const outcome = failure ?? (connection instanceof Error ? failureOf(connection, path, isGenerated) : undefined);
  const findings: Finding[] =
    outcome === undefined ? [] : [{ level: 'problem', what: outcome.what, advice: outcome.advice }];
  const { leftovers = 0 } = beside;
  if (leftovers > 0) {
    const what = `left beside it by processes that have ended: ${leftovers}`;
    findings.push({
      level: 'note',
      what,
      advice: `Run \`rpc-endpoint sweep ${shellWord(dirname(path))}\` to remove them.`,
    });
  }
  const status = outcome?.status ?? 'live';
  return {
    status,
    code: outcome?.code,
    data,
    facts: factsOf(data, status),
    findings,
    connection: connection instanceof Error ? undefined : connection,
  };
}

function factsOf({ path, pathBytes, pathLimitBytes, file, listeners, lock }: UnixData, status: Status): Fact[] {
  const facts: (Fact | undefined)[] = [
    ['path', `${path} (${pathBytes} of at most ${pathLimitBytes} bytes)`],
    file === undefined ? undefined : ['file', fileText(file)],
    listeners === undefined || status === 'stale'
      ? undefined
      : [
          'listener',
          listeners.length === 0
            ? 'not known'
            : listeners.map(({ pid, command }) => processText(pid, command)).join(', '),
        ],
    lock === undefined ? undefined : ['lock', lockText(lock)],
  ];
  return facts.filter((fact) => fact !== undefined);
}

function lockText({ owner, pid }: NonNullable<UnixData['lock']>): string {
  const holder = pid === undefined ? 'a process that is not known here' : `pid ${pid}, which has ended`;
  if (owner === 'gone') return `left by ${holder}`;
  return `held by ${pid === undefined ? holder : processText(pid, commandOf(pid))}`;
}

/** What is known of the names around a path. */
interface Surroundings extends Pick<UnixData, 'lock' | 'leftovers'> {
  /** Whether a transport generated the name of the socket, so that no listener takes it again. */
  readonly isGenerated: boolean;
}

/** The lock of the path, and the number of other leftovers: in its directory, and in the staging directory there. */
async function leftoversBeside(path: string): Promise<Surroundings> {
  const directory = dirname(path);
  const isBeside = (place: string): boolean =>
    place === directory || (dirname(place) === directory && basename(place).startsWith('.rpcplugin-'));
  let leftovers: Leftover[];
  try {
    leftovers = (await findLeftovers(directory)).filter((each) => isBeside(dirname(each.path)));
  } catch {
    // This user may not list the directory, or it does not exist.
    return { isGenerated: false };
  }
  const lock = leftovers.find(({ kind, path: at }) => kind === 'lock' && basename(at) === `lock:${basename(path)}`);
  const others = leftovers.filter((each) => each.path !== path);
  return {
    isGenerated: others.length < leftovers.length,
    leftovers: others.filter(({ owner, kind }) => owner === 'gone' && kind !== 'directory').length,
    ...(lock && { lock: { owner: lock.owner, ...(lock.pid !== undefined && { pid: lock.pid }) } }),
  };
}

async function connect(
  transport: UnixSocketTransport,
  path: string,
  timeoutMs: number,
): Promise<Connection | TransportError> {
  const reconnect = () => transport.connect(`unix:${path}`, { timeoutMs, waitMs: 0 });
  try {
    return { socket: await reconnect(), reconnect, host: 'localhost' };
  } catch (error) {
    return toTransportError(error, `connect to ${path}`);
  }
}

/** What keeps a connect from being tried at all. */
function failureBefore(
  path: string,
  { file, pathBytes, pathLimitBytes }: UnixData,
  errno: string | undefined,
): Failure | undefined {
  if (pathBytes > pathLimitBytes || errno === 'ENAMETOOLONG') {
    const what = `the path has ${pathBytes} bytes, and a socket path has at most ${pathLimitBytes}`;
    return {
      status: 'too-long',
      code: 'PATH_TOO_LONG',
      what,
      advice: 'Use a shorter directory, such as one in /tmp or /run.',
    };
  }
  if (errno === 'ELOOP' || (file?.linkTarget !== undefined && errno === 'ENOENT')) {
    const what = errno === 'ELOOP' ? 'symbolic links lead in a circle' : 'a symbolic link leads to no file';
    const code = errno === 'ELOOP' ? 'IO' : 'NOT_FOUND';
    return { status: 'broken-link', code, what, advice: 'Correct or remove the link.' };
  }
  if (errno === 'ENOENT' || errno === 'ENOTDIR') return missing(path);
  if (errno === 'EACCES' || errno === 'EPERM') return closed(path, file?.linkTarget);
  if (file === undefined || file.kind === 'socket') return undefined;
  return notASocket(`a ${file.kind} is at the path`);
}

function missing(path: string): Failure {
  const directory = missingDirectory(path);
  const what = directory === undefined ? 'nothing exists at the path' : `the directory ${directory} does not exist`;
  return { status: 'missing', code: 'NOT_FOUND', what, advice: 'Start the plugin, or check the path.' };
}

function closed(path: string, linkTarget: string | undefined): Failure {
  const directory = closedDirectory(path) ?? dirname(path);
  const { file } = lookAt(directory);
  return {
    status: 'permission-denied',
    code: 'PERMISSION_DENIED',
    what:
      linkTarget === undefined
        ? `this user may not enter ${directory}${file === undefined ? '' : ` (${fileText(file)})`}`
        : `this user may not follow the symbolic link to ${linkTarget}`,
    advice: 'Run as a user or in a group that may, or change the mode or group of the directory.',
  };
}

function notASocket(what: string): Failure {
  const advice = 'Check the path. Listeners leave the file alone: remove it yourself if it is not needed.';
  return { status: 'not-a-socket', code: 'NOT_A_SOCKET', what, advice };
}

function failureOf(error: TransportError, path: string, isGenerated: boolean): Failure {
  const { code, message, hint = '' } = error;
  switch (code) {
    case 'CONNECTION_REFUSED': {
      const advice = isGenerated
        ? `The next plugin takes another name. Run \`rpc-endpoint sweep ${shellWord(dirname(path))}\` to remove it.`
        : 'Start the plugin: its listener replaces the file.';
      return { status: 'stale', code, what: 'a socket file on which nothing listens', advice };
    }
    case 'NOT_FOUND':
      return missing(path);
    case 'PERMISSION_DENIED': {
      const advice =
        'Connecting takes write permission: run as its owner or in its group, or change its mode or group.';
      return { status: 'permission-denied', code, what: 'this user may not connect to the socket', advice };
    }
    case 'NOT_A_SOCKET':
      return notASocket('a socket of another type than a stream is at the path');
    case 'TIMEOUT':
      if (errnoOf(error.cause) === 'EAGAIN') {
        const advice = 'Its process accepts no connections: see whether it is stopped or busy, or raise its backlog.';
        return { status: 'busy', code, what: 'the backlog of the listener is full', advice };
      }
      return { status: 'timed-out', code, what: message, advice: hint };
    default:
      return { status: 'failed', code, what: message, advice: hint };
  }
}
