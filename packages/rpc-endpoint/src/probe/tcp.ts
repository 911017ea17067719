import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { Socket } from 'node:net';
import { isLocalHost, joinHostPort } from '@rpcplugin/endpoint-utils';
import type { TcpEndpoint } from '@rpcplugin/endpoint-utils';
import { errorCodeOf, explainLookup, hostHints, startTimer, toTransportError } from '@rpcplugin/transport-base';
import type { Timer } from '@rpcplugin/transport-base';
import { TransportError } from '@rpcplugin/transport-core';
import type { TransportErrorCode } from '@rpcplugin/transport-core';
import { TCPSocketTransport } from '@rpcplugin/transport-tcp';
import type { Finding } from '../report.js';
import type { Reach, Status } from './probe.js';

/** One address of a host, and what became of an attempt to connect. */
interface Attempt {
  readonly address: string;
  readonly outcome: Socket | TransportError;
}

const statuses: Partial<Record<TransportErrorCode, Status>> = {
  CONNECTION_REFUSED: 'refused',
  TIMEOUT: 'timed-out',
  ADDRESS_NOT_AVAILABLE: 'unreachable',
  DNS_FAILURE: 'unknown-host',
  PERMISSION_DENIED: 'permission-denied',
};

/** What a person can do, where the hint of a transport says less. */
const advices: Partial<Record<Status, string>> = {
  refused: 'Start the plugin, or check the port.',
  'timed-out': 'See whether the machine is up, and whether a firewall drops what is sent to the port.',
  'permission-denied': 'A firewall of this machine forbids it.',
};

/** Connects to all addresses of a host at the same time. */
export async function probeTcp({ host, port }: TcpEndpoint, timeoutMs: number): Promise<Reach> {
  if (port === 0) {
    throw new TransportError('INVALID_ENDPOINT', `cannot connect to port 0 of ${host}`, {
      hint: 'Port 0 lets a listener choose its port. Probe the endpoint that its listen returned.',
    });
  }
  let addresses: string[];
  try {
    addresses = await addressesOf(host, timeoutMs);
  } catch (error) {
    const failure = toTransportError(error, `look up ${host}`, undefined, hostHints);
    return { ...failed(failure), data: { host, port, addresses: [] }, facts: [] };
  }
  const attempts = await Promise.all(addresses.map((address) => attempt(address, port, timeoutMs)));
  const connected = attempts.find(({ outcome }) => !(outcome instanceof Error));
  for (const { outcome } of attempts)
    if (!(outcome instanceof Error) && outcome !== connected?.outcome) outcome.destroy();
  const shown = attempts.map(({ address, outcome }) => ({
    address: joinHostPort(address, port),
    status: outcome instanceof Error ? statusOf(outcome) : 'live',
  }));
  const reach = {
    data: { host, port, addresses: shown },
    facts: shown.map(({ address, status }) => ['address', `${address}: ${status}`] as const),
  };
  if (connected === undefined) {
    const errors = attempts.map(({ outcome }) => outcome);
    const code = errorCodeOf(new AggregateError(errors));
    const telling = errors.find((error) => error instanceof Error && errorCodeOf(error) === code) as TransportError;
    return { ...reach, ...failed(telling) };
  }
  const { address, outcome } = connected;
  return {
    ...reach,
    status: 'live',
    findings: [],
    connection: {
      socket: outcome as Socket,
      reconnect: () => connect(address, port, timeoutMs),
      host: isLocalHost(host) ? 'localhost' : host,
    },
  };
}

function statusOf(error: TransportError): Status {
  return statuses[error.code] ?? 'failed';
}

function failed(error: TransportError): Pick<Reach, 'status' | 'code' | 'findings'> {
  const status = statusOf(error);
  const finding: Finding = { level: 'problem', what: error.message, advice: advices[status] ?? error.hint ?? '' };
  return { status, code: error.code, findings: [finding] };
}

/** The addresses of a host, from the platform's resolver (getaddrinfo(3)), which cannot be interrupted. */
async function addressesOf(host: string, timeoutMs: number): Promise<string[]> {
  if (isIP(host) !== 0) return [host];
  let timer: Timer | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = startTimer(timeoutMs, () => {
      const hint = 'The resolver of this machine does not answer. Check its configuration.';
      reject(new TransportError('DNS_FAILURE', `the lookup of ${host} took longer than ${timeoutMs} ms`, { hint }));
    });
  });
  try {
    const found = await Promise.race([lookup(host, { all: true }), late]);
    return [...new Set(found.map(({ address }) => address))];
  } catch (error) {
    throw explainLookup(error);
  } finally {
    timer?.cancel();
  }
}

function connect(address: string, port: number, timeoutMs: number): Promise<Socket> {
  return new TCPSocketTransport().connect(joinHostPort(address, port), { timeoutMs, waitMs: 0 });
}

async function attempt(address: string, port: number, timeoutMs: number): Promise<Attempt> {
  const outcome = await connect(address, port, timeoutMs).catch((error: unknown) =>
    toTransportError(error, `connect to ${joinHostPort(address, port)}`),
  );
  return { address, outcome };
}
