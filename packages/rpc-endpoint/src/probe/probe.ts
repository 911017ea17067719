import { formatEndpoint } from '@rpcplugin/endpoint-utils';
import type { Socket } from 'node:net';
import type { TransportErrorCode } from '@rpcplugin/transport-core';
import { TransportError } from '@rpcplugin/transport-core';
import type { Fact, Finding, Report } from '../report.js';
import { readSubject } from '../subject.js';
import { probeGrpc } from './grpc.js';
import { probeTcp } from './tcp.js';
import { probeUnix } from './unix.js';

/** Files of a TLS connection, in PEM. */
export interface TlsOptions {
  /** The authority to trust; that of Node if absent. */
  readonly ca?: string | undefined;
  /** This side's certificate, and its key. */
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

export interface ProbeOptions {
  /** Time limit of each step, in milliseconds. */
  readonly timeoutMs: number;
  /** Whether to call gRPC's health service. */
  readonly checksGrpc: boolean;
  /** `undefined` without TLS. */
  readonly tls: TlsOptions | undefined;
  /** The name that requests and the certificate have; that of the endpoint if absent. */
  readonly authority?: string | undefined;
}

/**
 * What is at an endpoint.
 *
 * - `live`: it accepts connections.
 * - `stale`: a socket file without a listener.
 * - `refused`: nothing listens on the port.
 * - `missing`: nothing exists at the path.
 * - `too-long`: the path does not fit a socket address.
 * - `not-a-socket`: another file, or a socket of another type.
 * - `broken-link`: symbolic links that lead nowhere, or in a circle.
 * - `permission-denied`: this user may not connect, or may not enter a directory.
 * - `busy`: the backlog is full.
 * - `timed-out`: no answer within the time limit.
 * - `unreachable`: no route to the host.
 * - `unknown-host`: the host name has no address.
 * - `failed`: any other failure.
 */
export type Status =
  | 'live'
  | 'stale'
  | 'refused'
  | 'missing'
  | 'too-long'
  | 'not-a-socket'
  | 'broken-link'
  | 'permission-denied'
  | 'busy'
  | 'timed-out'
  | 'unreachable'
  | 'unknown-host'
  | 'failed';

/** What was found out about an address before any protocol. */
export interface Reach {
  readonly status: Status;
  /** The code that `connect` of the transport rejects with. */
  readonly code?: TransportErrorCode | undefined;
  /** More for programs. */
  readonly data: object;
  readonly facts: readonly Fact[];
  /** What is wrong, and what else is worth knowing. */
  readonly findings: readonly Finding[];
  /** The connection, if there is one. */
  readonly connection?: Connection | undefined;
}

export interface Connection {
  readonly socket: Socket;
  /** Connects once more, to the same address. */
  readonly reconnect: () => Promise<Socket>;
  /** The name that the certificate of the listener has to be for. */
  readonly host: string;
}

/**
 * Connects to an endpoint and finds out what is there. It changes no file.
 *
 * @param text - An endpoint or a handshake line. The certificate in a line is trusted, as by a host with AutoMTLS.
 * @throws TransportError `INVALID_ENDPOINT` or another code for the text, `UNSUPPORTED` for the endpoint of a network
 *   other than tcp and unix.
 */
export async function probe(text: string, options: ProbeOptions): Promise<Report> {
  const { parts, handshake } = readSubject(text);
  if (parts === undefined) {
    throw new TransportError('UNSUPPORTED', `only a transport of the network ${handshake?.network} can connect`, {
      hint: 'rpc-endpoint probes the networks tcp and unix.',
    });
  }
  const tls = tlsOf(options, handshake?.certificate);
  const reach = await (parts.network === 'unix' ? probeUnix : probeTcp)(parts as never, options.timeoutMs);
  const { connection, status, code } = reach;
  const speaksGrpc = options.checksGrpc && handshake?.protocol !== 'netrpc';
  const grpc =
    connection && speaksGrpc
      ? await probeGrpc(
          { ...connection, host: options.authority ?? connection.host },
          { tls, timeoutMs: options.timeoutMs },
        )
      : undefined;
  connection?.socket.destroy();
  const findings = [...reach.findings, ...(grpc?.findings ?? [])];
  const accepts: Finding = { level: 'ok', what: 'it accepts connections', advice: 'There is nothing to do.' };
  return {
    data: {
      endpoint: formatEndpoint(parts),
      network: parts.network,
      status,
      ...(code !== undefined && { code }),
      ...reach.data,
      ...(grpc !== undefined && { grpc: grpc.data }),
    },
    facts: [['endpoint', formatEndpoint(parts)], ['status', status], ...reach.facts, ...(grpc?.facts ?? [])],
    findings: status === 'live' && grpc === undefined ? [...findings, accepts] : findings,
  };
}

/** The certificate of a handshake line is trusted unless `--ca` names another authority. */
function tlsOf({ tls }: ProbeOptions, certificate: string | undefined): TlsOptions | undefined {
  return certificate === undefined ? tls : { ...tls, ca: tls?.ca ?? certificate };
}
