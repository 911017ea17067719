import { quote, show } from '@rpcplugin/printable';
import { TransportError } from '@rpcplugin/transport-core';
import { parseEndpoint, textOf } from './endpoint.js';
import type { Endpoint } from './endpoint.js';
import { assertString, invalidEndpoint } from './errors.js';
import { joinHostPort } from './host-port.js';
import { MAX_PORT } from './port.js';
import { isValidTcpEndpoint, parseTcpEndpoint } from './tcp.js';
import { isValidUnixEndpoint } from './unix.js';

/**
 * Translates between the endpoints that a plugin and its host see, when these differ, as with a plugin in a container:
 * go-plugin's {@link https://github.com/hashicorp/go-plugin/blob/main/runner/runner.go | AddrTranslator}.
 *
 * Both functions throw `INVALID_ENDPOINT` for an endpoint that the other side cannot reach.
 */
export interface AddressTranslator {
  /** The endpoint by which the host reaches what the plugin listens on. */
  readonly pluginToHost: (endpoint: string) => string;
  /** The endpoint by which the plugin reaches what the host listens on. */
  readonly hostToPlugin: (endpoint: string) => string;
}

/** Options of {@link portTranslator}. */
export interface PortTranslatorOptions {
  /**
   * The plugin's ports, and by which ports the host reaches them, such as `{ 50051: 32768 }` for Docker's
   * `--publish 32768:50051`. Other ports are refused: they lead to something else. Default: all ports stay the same.
   */
  readonly ports?: Readonly<Record<number, number>> | undefined;
  /** The name or address at which the host reaches the plugin. Default: `127.0.0.1`, where ports are published. */
  readonly pluginAt?: string | undefined;
  /**
   * The name or address at which the plugin reaches the host, such as `host.docker.internal`. Default: that of the
   * host's listener.
   */
  readonly hostAt?: string | undefined;
}

/**
 * Translates the paths of sockets in directories that a plugin and its host share under different paths, such as those
 * that a container mounts.
 *
 * A unix endpoint in none of the directories is refused: the other side cannot see it, or would find another file
 * there. Other endpoints stay as they are.
 *
 * @param directories - The plugin's directories, and where the host has each: `{ '/run/plugin': '/srv/plugins/1' }` for
 * Docker's `--volume /srv/plugins/1:/run/plugin`. All are absolute paths. Of several that match, the longest counts.
 * @throws TransportError `INVALID_ARGUMENT` for directories that cannot be used
 */
export function pathTranslator(directories: Readonly<Record<string, string>>): AddressTranslator {
  const pairs = Object.entries(record('directories', directories)).map(([plugin, host]): Pair<string> => [
    directory(plugin),
    directory(host),
  ]);
  assertOneToOne('directories', pairs);
  return translator((endpoint, from, to) => {
    if (endpoint.network === 'tcp') return endpoint;
    const path = collapse(endpoint.path);
    const pair = holding(path, pairs, from);
    if (pair !== undefined && !hasDotDot(path)) {
      const translated = pair[to] + path.slice(pair[from].length);
      // Another directory may be mounted inside that one on the other side.
      if (holding(translated, pairs, to) === pair) return { network: 'unix', path: translated };
    }
    const known = pairs.map((each) => quote(each[from] || '/')).join(', ');
    throw invalidEndpoint(
      textOf(endpoint),
      `it is not in a directory that the host and the plugin share: ${known || 'there is none'}`,
      'Listen in one that both see, without `..` in the path, and give it to pathTranslator.',
    );
  });
}

/**
 * Translates TCP endpoints, for a plugin in another network: a container whose ports are published, or one with an
 * address of its own. Other endpoints stay as they are.
 *
 * The host dials `pluginAt`, whatever address the plugin listens on, which may be one that means nothing outside, such
 * as `0.0.0.0` or `127.0.0.1`.
 *
 * @throws TransportError `INVALID_ARGUMENT` for options that cannot be used
 */
export function portTranslator(options: PortTranslatorOptions): AddressTranslator {
  const { ports = {}, pluginAt = '127.0.0.1', hostAt } = record('options', options);
  const pairs = Object.entries(record('ports', ports)).map(([plugin, host]): Pair<number> => [
    portOption(Number(plugin)),
    portOption(host),
  ]);
  assertOneToOne('ports', pairs);
  const hosts = [hostOption('hostAt', hostAt), hostOption('pluginAt', pluginAt)] as const;
  return translator((endpoint, from, to) => {
    if (endpoint.network === 'unix') return endpoint;
    const { host, port } = endpoint;
    // A published port leads one way, into the container.
    if (from === HOST || options.ports === undefined) return { network: 'tcp', host: hosts[to] ?? host, port };
    const published = pairs.find(([plugin]) => plugin === port)?.[HOST];
    if (published !== undefined) return { network: 'tcp', host: hosts[to] ?? host, port: published };
    throw invalidEndpoint(
      textOf(endpoint),
      `the port is not published, only ${pairs.map(([plugin]) => plugin).join(', ') || 'none'}`,
      'Publish it and give it to portTranslator, or let the plugin listen on one that is published.',
    );
  });
}

/**
 * Applies several translators, one after the other: `pluginToHost` from the first to the last, `hostToPlugin` from the
 * last to the first.
 *
 * @throws TransportError `INVALID_ARGUMENT` for what is no translator
 */
export function composeTranslators(...translators: readonly AddressTranslator[]): AddressTranslator {
  const unusable = translators.findIndex((each) => !isTranslator(each));
  if (unusable >= 0) {
    throw invalid('translators', translators[unusable], 'Give translators, such as those of pathTranslator.');
  }
  return {
    pluginToHost: (endpoint) => translators.reduce((text, each) => each.pluginToHost(text), endpoint),
    hostToPlugin: (endpoint) => translators.reduceRight((text, each) => each.hostToPlugin(text), endpoint),
  };
}

function isTranslator(value: Partial<AddressTranslator> | null | undefined): boolean {
  return typeof value?.pluginToHost === 'function' && typeof value.hostToPlugin === 'function';
}

/** What the plugin sees, and what the host sees. */
type Pair<T> = readonly [plugin: T, host: T];

const PLUGIN = 0;
const HOST = 1;
type Side = typeof PLUGIN | typeof HOST;

function translator(translate: (endpoint: Endpoint, from: Side, to: Side) => Endpoint): AddressTranslator {
  const between = (from: Side, to: Side) => (text: string) => {
    assertString(text);
    // An endpoint of another network, such as `stdio:`, means the same to both sides, or its transport rejects it.
    if (!isValidUnixEndpoint(text) && !isValidTcpEndpoint(text)) return text;
    return textOf(translate(parseEndpoint(text), from, to));
  };
  return { pluginToHost: between(PLUGIN, HOST), hostToPlugin: between(HOST, PLUGIN) };
}

/** Checks that each side has a name once, so that each name means one thing to the other side. */
function assertOneToOne(option: string, pairs: readonly Pair<unknown>[]): void {
  for (const side of [PLUGIN, HOST] as const) {
    const names = pairs.map((pair) => pair[side]);
    const twice = names.find((name, i) => names.indexOf(name) !== i);
    if (twice !== undefined) throw invalid(option, twice, 'Name each on either side once.');
  }
}

/** The innermost directory that a path is in, on one side. */
function holding(path: string, pairs: readonly Pair<string>[], side: Side): Pair<string> | undefined {
  const [innermost] = pairs
    .filter((pair) => path.startsWith(`${pair[side]}/`))
    .sort((one, other) => other[side].length - one[side].length);
  return innermost;
}

/** Whether a path may lead out of a directory that it begins with: where `..` leads, only its own side can know. */
function hasDotDot(path: string): boolean {
  return path.split('/').includes('..');
}

/** A path without what means nothing in it: repeated slashes and `.`. */
function collapse(path: string): string {
  return path.replace(/\/(\.?\/)+/g, '/');
}

/** An absolute path without a slash at its end. */
function directory(path: unknown): string {
  if (typeof path === 'string' && path.startsWith('/') && isValidUnixEndpoint(`${path}/s`) && !hasDotDot(path)) {
    // As endpoints are compared.
    return collapse(path).replace(/\/$/, '');
  }
  throw invalid('directories', path, "Give absolute paths, such as { '/run/plugin': '/srv/plugins/1' }.");
}

function portOption(port: unknown): number {
  if (Number.isInteger(port) && Number(port) >= 1 && Number(port) <= MAX_PORT) return Number(port);
  throw invalid('ports', port, `Give ports from 1 to ${MAX_PORT}, such as { 50051: 32768 }.`);
}

/** A host in the form that {@link parseEndpoint} gives it. */
function hostOption(name: string, host: string | undefined): string | undefined {
  if (host === undefined) return undefined;
  const endpoint = typeof host === 'string' ? joinHostPort(host, 0) : '';
  if (isValidTcpEndpoint(endpoint)) return parseTcpEndpoint(endpoint).host;
  throw invalid(name, host, 'Give a host name or an IP address, without a port.');
}

function record<T extends object>(name: string, value: T): T {
  if (typeof value === 'object' && (value as T | null) !== null && !Array.isArray(value)) return value;
  throw invalid(name, value, 'Give an object.');
}

function invalid(name: string, value: unknown, hint: string): TransportError {
  return new TransportError('INVALID_ARGUMENT', `${name} cannot be ${show(value)}`, { hint });
}
