import { joinHostPort, parseTcpEndpoint } from '@rpcplugin/endpoint-utils';
import {
  assertAlone,
  inheritedSocket,
  integerOption,
  invalidOption,
  KEEP_ALIVE_MS,
  typeOption,
} from '@rpcplugin/transport-base';
import type { InheritedSocket, SocketTransportOptions } from '@rpcplugin/transport-base';
import { TransportError } from '@rpcplugin/transport-core';
import type { TCPProxyProtocolOptions } from './trusted-proxies.js';

/** Ports to try in order, both ends included. Port 0 lets the system choose, here too. */
export interface PortRange {
  /** The first port, from 0 to 65535. */
  readonly min: number;
  /** The last port, from `min` to 65535. */
  readonly max: number;
}

/** Options of a `TCPSocketTransport`. */
export interface TCPSocketTransportOptions extends SocketTransportOptions {
  /**
   * The address to listen on: an IP address without brackets, or a name. Of a name with several addresses, one is used,
   * IPv4 if there is one. Default: `127.0.0.1`.
   */
  readonly host?: string | undefined;
  /**
   * The port to listen on, from 0 to 65535, or a range whose first free port is used. 0 lets the system choose.
   * Default: 0.
   */
  readonly port?: number | PortRange | undefined;
  /**
   * The descriptor of a TCP socket that already listens, to accept on: one that a service manager or `hold` of a host's
   * transport handed over. It is closed when the transport stops listening. Cannot be combined with `host` or `port`.
   * Default: none.
   */
  readonly fd?: number | undefined;
  /**
   * How long nothing may arrive on a connection before the kernel asks whether the peer's machine is still there, in
   * milliseconds, rounded down to seconds, from 1000 to 32767000. Without an answer for another 10 s, the connection
   * fails with `ETIMEDOUT`. A process that stands still does not matter: its kernel answers. Default: 30000.
   */
  readonly keepAliveMs?: number | undefined;
  /**
   * For peers that are proxies. They begin each connection with a header of the PROXY protocol, version 1 or 2, which
   * has the address of the client. The handler gets that as its second argument. A connection without a header does not
   * reach the handler. Default: the peers are clients.
   */
  readonly proxyProtocol?: TCPProxyProtocolOptions | undefined;
}

/** How Node sets up a TCP connection. */
export interface ConnectionSettings {
  readonly noDelay: true;
  readonly keepAlive: true;
  readonly keepAliveInitialDelay: number;
}

/** A checked address to listen on, the host in its canonical form. */
export interface ListenAddress {
  readonly host: string;
  readonly ports: Readonly<PortRange>;
}

/** @throws TransportError `INVALID_ARGUMENT`, or another code of `inheritedSocket`. */
export function listenAddress(options: TCPSocketTransportOptions): ListenAddress | InheritedSocket {
  if (options.fd !== undefined) {
    assertAlone('fd', options, ['host', 'port']);
    return inheritedSocket(options.fd);
  }
  const { host = '127.0.0.1', port = 0 } = options;
  return { host: checkedHost(host), ports: portRange(port) };
}

/** @throws TransportError `INVALID_ARGUMENT`. */
export function connectionSettings({ keepAliveMs }: TCPSocketTransportOptions): ConnectionSettings {
  // The longest time that Linux accepts. Without a time, the kernel's applies: two hours.
  const keepAliveInitialDelay = integerOption('keepAliveMs', keepAliveMs, 1000, 32_767_000) ?? KEEP_ALIVE_MS;
  return { noDelay: true, keepAlive: true, keepAliveInitialDelay };
}

function checkedHost(host: string): string {
  typeOption('host', host, 'string');
  try {
    return parseTcpEndpoint(joinHostPort(host, 0)).host;
  } catch (error) {
    const hint = TransportError.isInstance(error) ? error.hint : undefined;
    throw invalidOption('host', host, hint ?? 'Give a host name or an IP address.');
  }
}

// Wider than the option's type, for untyped callers.
function portRange(port: number | Partial<PortRange> | null): PortRange {
  if (typeof port !== 'object') {
    const checked = integerOption('port', port, 0, 65_535) ?? 0;
    return { min: checked, max: checked };
  }
  const { min, max } = port ?? {};
  if (min === undefined || max === undefined) throw invalidOption('port', port, 'Give a number, or both min and max.');
  integerOption('port.min', min, 0, 65_535);
  integerOption('port.max', max, 0, 65_535);
  if (min > max) throw invalidOption('port.min', min, `It is above port.max, ${max}. Swap them.`);
  return { min, max };
}

/**
 * The options that a go-plugin host passes in the environment: the ports from `PLUGIN_MIN_PORT` to `PLUGIN_MAX_PORT`.
 * As in go-plugin (`serverListener_tcp` in its server.go), an unset or empty variable means 0. So
 * without `PLUGIN_MIN_PORT`, the system chooses any port.
 *
 * For a plugin that may listen on another network, pass the function itself: `tcpTransportFactory(tcpOptionsFromEnv)`.
 *
 * @param env - Default: `process.env`.
 * @throws TransportError `INVALID_ARGUMENT`, naming the variable, if it is not a port or the range is inverted.
 */
export function tcpOptionsFromEnv(env: NodeJS.ProcessEnv = process.env): TCPSocketTransportOptions {
  const min = portFromEnv(env, 'PLUGIN_MIN_PORT');
  const max = portFromEnv(env, 'PLUGIN_MAX_PORT');
  if (min > max) {
    const isSet = (env['PLUGIN_MAX_PORT'] ?? '') !== '';
    const hint = isSet ? `It is above PLUGIN_MAX_PORT, ${max}. Swap them.` : 'Set PLUGIN_MAX_PORT, too.';
    throw invalidOption('PLUGIN_MIN_PORT', String(min), hint);
  }
  return { port: { min, max } };
}

function portFromEnv(env: NodeJS.ProcessEnv, name: string): number {
  const text = env[name] ?? '';
  if (text === '') return 0;
  const port = /^\d{1,5}$/.test(text) ? Number(text) : NaN;
  if (!(port <= 65_535)) throw invalidOption(name, text, 'Set it to a port from 0 to 65535, or unset it.');
  return port;
}
