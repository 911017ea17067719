import { once } from 'node:events';
import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { quote } from '@rpcplugin/printable';
import { errnoOf, messageOf, startTimer } from '@rpcplugin/transport-base';
import type { Fact, Finding } from '../report.js';
import { HealthClient } from './health.js';
import type { HealthAnswer, ServingStatus } from './health.js';
import type { Connection, TlsOptions } from './probe.js';
import { otherProtocol } from './protocol.js';
import type { OtherProtocol } from './protocol.js';

/** gRPC's status codes of a server that is well, but does not tell its health. */
const [NOT_FOUND, PERMISSION_DENIED, UNIMPLEMENTED, UNAUTHENTICATED] = [5, 7, 12, 16];

/** The fields `grpc` of `probe --json`. */
interface GrpcData {
  readonly protocol: 'HTTP/2' | OtherProtocol;
  /** What the health service answers. */
  readonly health?: ServingStatus;
  /** The service that was asked for: the server as a whole, or `plugin`, as go-plugin's hosts do. */
  readonly service?: '' | 'plugin';
  /** The status of the call, if it failed. */
  readonly grpcStatus?: number;
  readonly httpStatus?: number;
}

/** What was found out about gRPC. */
export interface GrpcResult {
  readonly data: GrpcData;
  readonly facts: readonly Fact[];
  readonly findings: readonly Finding[];
}

interface GrpcOptions {
  readonly tls: TlsOptions | undefined;
  readonly timeoutMs: number;
}

const OTHER = 'Check the endpoint. If the plugin speaks something other than gRPC on purpose, probe it with --no-grpc.';

/** The kernel accepts connections for a process that does not run. */
const STOPPED = 'The process may be stopped or busy: look at it, or raise --timeout.';

/** Asks the health service of a gRPC server over a connection, or finds out what it speaks instead. */
export async function probeGrpc(connection: Connection, { tls, timeoutMs }: GrpcOptions): Promise<GrpcResult> {
  let stream: Duplex = connection.socket;
  if (tls !== undefined) {
    try {
      stream = await secure(connection, tls, timeoutMs);
    } catch (error) {
      return failedTls(error);
    }
  }
  const client = new HealthClient(
    stream,
    `${tls === undefined ? 'http' : 'https'}://${authorityOf(connection.host)}`,
    timeoutMs,
  );
  try {
    let service: '' | 'plugin' = '';
    let answer = await client.check(service);
    // A server that knows only its services by name, such as that of go-plugin.
    if (answer.grpcStatus === NOT_FOUND) answer = await client.check((service = 'plugin'));
    if (answer.isHttp2) {
      const { data, facts, findings } = http2Result(answer, service);
      return { data, facts: [['protocol', tls === undefined ? 'HTTP/2' : 'HTTP/2 over TLS'], ...facts], findings };
    }
    if (answer.isLate === true) return otherResult('silent');
    if (tls !== undefined) return failedTls(answer.error ?? new Error('the server closed the connection'));
    return await otherProtocol(connection.reconnect, timeoutMs).then(otherResult, failedReconnect);
  } finally {
    client.close();
  }
}

function authorityOf(host: string): string {
  return isIP(host) === 6 ? `[${host.replace(/%.*/, '')}]` : host;
}

async function secure({ socket, host }: Connection, tls: TlsOptions, timeoutMs: number): Promise<Duplex> {
  const servername = isIP(host) === 0 ? { servername: host } : {};
  const secured = connectTls({ ...tls, socket, host, ...servername, ALPNProtocols: ['h2'] });
  const timer = startTimer(timeoutMs, () => {
    secured.destroy(new Error(`the handshake of TLS took longer than ${timeoutMs} ms`));
  });
  try {
    await once(secured, 'secureConnect');
    return secured;
  } finally {
    timer.cancel();
  }
}

function http2Result(answer: HealthAnswer, service: '' | 'plugin'): GrpcResult {
  const { grpcStatus, malformedStatus, servingStatus, httpStatus, isLate, isTooLong, error } = answer;
  const data = (more: Omit<GrpcData, 'protocol'>): GrpcData => ({ protocol: 'HTTP/2', ...more });
  const about = service === '' ? 'gRPC' : `gRPC's service "${service}"`;
  if (isTooLong === true) {
    return { data: data({}), facts: [], findings: [unexpected('a message too long for a health service')] };
  }
  if (malformedStatus !== undefined) {
    return { data: data({}), facts: [], findings: [unexpected(`the status ${quote(malformedStatus)}, not a number`)] };
  }
  if (servingStatus !== undefined) {
    const facts: Fact[] = [['health', servingStatus]];
    return { data: data({ health: servingStatus, service }), facts, findings: [servingFinding(servingStatus, about)] };
  }
  if (grpcStatus !== undefined) {
    const finding = failedCheck(answer, grpcStatus);
    return { data: data({ grpcStatus }), facts: [['health', `not known (status ${grpcStatus})`]], findings: [finding] };
  }
  const what =
    // A server of gRPC that is late may have sent its HTTP status, and only the end of its answer is missing.
    isLate === true
      ? 'an HTTP/2 server does not answer the health check in time'
      : httpStatus !== undefined
        ? `an HTTP/2 server that does not speak gRPC answers (status ${httpStatus})`
        : `an HTTP/2 server ended the connection: ${messageOf(error ?? new Error('without a reason'))}`;
  const advice = isLate === true ? 'See whether the plugin is busy, or raise --timeout.' : OTHER;
  return {
    data: data(httpStatus === undefined ? {} : { httpStatus }),
    facts: [],
    findings: [{ level: 'problem', what, advice }],
  };
}

function unexpected(what: string): Finding {
  const advice = `See the log of the plugin. ${OTHER}`;
  return { level: 'problem', what: `an unexpected answer to the health check: ${what}`, advice };
}

function servingFinding(status: ServingStatus, about: string): Finding {
  if (status === 'SERVING') return { level: 'ok', what: `${about} is healthy`, advice: 'There is nothing to do.' };
  const advice = 'The plugin runs, and says that it is not ready. See its log, or ask again later.';
  return { level: 'problem', what: `${about} answers, and its health is ${status}`, advice };
}

function failedCheck({ grpcMessage }: HealthAnswer, grpcStatus: number): Finding {
  if (grpcStatus === UNIMPLEMENTED) {
    const advice = 'A go-plugin host needs the service grpc.health.v1.Health, which answers for the service "plugin".';
    return { level: 'note', what: 'gRPC answers, without a health service', advice };
  }
  if (grpcStatus === NOT_FOUND) {
    const advice = 'A go-plugin host asks for the service "plugin". Set its health in the plugin.';
    return { level: 'note', what: 'gRPC answers, and knows no health of the server or the plugin', advice };
  }
  const reason = grpcMessage === undefined ? '' : `: ${grpcMessage}`;
  const wantsCredentials = grpcStatus === PERMISSION_DENIED || grpcStatus === UNAUTHENTICATED;
  const advice = wantsCredentials
    ? 'The plugin wants credentials that a probe does not have. See its log.'
    : 'The plugin runs, and cannot tell its health. See its log.';
  const level = wantsCredentials ? 'note' : 'problem';
  return { level, what: `gRPC answers the health check with status ${grpcStatus}${reason}`, advice };
}

function otherResult(protocol: OtherProtocol): GrpcResult {
  const findings: Record<OtherProtocol, Finding> = {
    TLS: {
      level: 'note',
      what: 'it speaks TLS',
      advice:
        'Give --tls, or --ca with the certificate of the plugin. A plugin with AutoMTLS also needs --cert and --key.',
    },
    'HTTP/1': { level: 'problem', what: 'an HTTP/1 server answers, not gRPC', advice: OTHER },
    silent: {
      level: 'problem',
      what: 'it accepts connections, and does not answer HTTP/2 in time',
      advice: `${STOPPED} ${OTHER}`,
    },
    closed: {
      level: 'problem',
      what: 'it accepts connections, and closes them instead of speaking HTTP/2',
      advice: OTHER,
    },
    unknown: { level: 'problem', what: 'it answers with something other than HTTP/2', advice: OTHER },
  };
  return { data: { protocol }, facts: [['protocol', protocol]], findings: [findings[protocol]] };
}

/** It was live a moment ago. */
function failedReconnect(error: unknown): GrpcResult {
  const what = `it closed the connection, and accepts no other: ${messageOf(error)}`;
  const advice = 'Probe it again: it may have ended, or be busy.';
  return {
    data: { protocol: 'closed' },
    facts: [['protocol', 'closed']],
    findings: [{ level: 'problem', what, advice }],
  };
}

function failedTls(error: unknown): GrpcResult {
  const errno = errnoOf(error) ?? '';
  const isAlert = errno.includes('ALERT');
  // Its code has CERT in it, too, but the authority is trusted.
  const isOtherName = errno === 'ERR_TLS_CERT_ALTNAME_INVALID';
  const isUntrusted = /CERT|SELF_SIGNED|ISSUER/.test(errno);
  const advice = isAlert
    ? 'The plugin does not accept this client: give its certificate with --cert, and its key with --key.'
    : isOtherName
      ? 'Give the name that the certificate has with --authority.'
      : isUntrusted
        ? 'Give the certificate of the plugin, or of its authority, with --ca.'
        : 'Does the plugin speak TLS at all? Probe it without --tls.';
  const protocol = isAlert || isUntrusted ? 'TLS' : 'unknown';
  return {
    data: { protocol },
    facts: [['protocol', protocol]],
    findings: [{ level: 'problem', what: `TLS failed: ${reasonOf(error)}`, advice }],
  };
}

/** OpenSSL's own reason, which its messages surround with numbers and names of files. */
function reasonOf(error: unknown): string {
  return error instanceof Error && 'reason' in error && typeof error.reason === 'string'
    ? error.reason
    : messageOf(error);
}
