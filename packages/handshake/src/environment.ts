// The first half of go-plugin's handshake: environment variables, by which a host tells its plugin what it can do
// (https://github.com/hashicorp/go-plugin/blob/main/client.go, Client.Start; server.go, protocolVersion).
import { assertOptions, invalidOption } from '@rpcplugin/transport-base';
import { TransportError } from '@rpcplugin/transport-core';

/** What a host and its plugins agree on. Both sides can share one object. */
export interface HandshakeOptions {
  /**
   * A variable, and its value, by which a plugin knows that a host started it, not a person: go-plugin's magic cookie.
   * It is no secret.
   */
  readonly cookie: {
    /** The name of the variable, such as `EXAMPLE_PLUGIN`. */
    readonly name: string;
    /** Its value. */
    readonly value: string;
  };
  /** The versions of the application's protocol that this side speaks: integers of at least 0. */
  readonly appVersions: readonly number[];
}

/** What a host tells a plugin that it launches. */
export interface HostHandshakeOptions extends HandshakeOptions {
  /**
   * The host's certificate for AutoMTLS, in PEM. The plugin then serves only a host with this certificate, and answers
   * with its own. Default: no TLS.
   */
  readonly certificate?: string | undefined;
  /** Whether to ask the plugin if its broker can use one connection for all services. Default: false. */
  readonly multiplexing?: boolean | undefined;
}

/** What a plugin knows of its host. */
export interface HandshakeRequest {
  /** The version to speak: the latest that both sides know, else the plugin's earliest, which its host then judges. */
  readonly appVersion: number;
  /**
   * The host's certificate, in PEM: serve only a host with this one, and answer with a certificate of your own. Absent
   * without TLS.
   */
  readonly hostCertificate?: string;
  /** Whether the host asks for multiplexing, and so can read an answer. */
  readonly multiplexing: boolean;
}

const VERSIONS = 'PLUGIN_PROTOCOL_VERSIONS';
const CERTIFICATE = 'PLUGIN_CLIENT_CERT';
const MULTIPLEXING = 'PLUGIN_MULTIPLEX_GRPC';
/** Where a plugin listens. A host adds its own choice after those of `handshakeEnv`. */
const PLACEMENT = ['PLUGIN_UNIX_SOCKET_DIR', 'PLUGIN_UNIX_SOCKET_GROUP', 'PLUGIN_MIN_PORT', 'PLUGIN_MAX_PORT'];

/**
 * The variables to add to the environment of a plugin: `{ ...process.env, ...handshakeEnv(options) }`. Those that the
 * plugin must not inherit, from a host that is a plugin itself, are `undefined`, which `spawn` leaves out. Among them
 * is where to listen: add variables such as those of `createSocketDirectory` after these.
 *
 * @throws TransportError `INVALID_ARGUMENT` for options that cannot be used
 */
export function handshakeEnv(options: HostHandshakeOptions): Record<string, string | undefined> {
  const { cookie, appVersions, certificate, multiplexing = false } = checked(options);
  return {
    ...Object.fromEntries(PLACEMENT.map((name) => [name, undefined])),
    [cookie.name]: cookie.value,
    [VERSIONS]: appVersions.join(','),
    [CERTIFICATE]: certificate,
    [MULTIPLEXING]: multiplexing ? 'true' : undefined,
  };
}

/**
 * What the environment of a plugin says of its host. Call it first: it finds out whether a host started the plugin.
 *
 * @param env - Default: `process.env`.
 * @throws TransportError `UNSUPPORTED` if no host with this cookie started the plugin, with a message for the person
 * who did; `INVALID_ARGUMENT` for options that cannot be used
 */
export function handshakeFromEnv(options: HandshakeOptions, env: NodeJS.ProcessEnv = process.env): HandshakeRequest {
  const { cookie, appVersions } = checked(options);
  if (env[cookie.name] !== cookie.value) {
    throw new TransportError('UNSUPPORTED', 'this program is a plugin, which only its host can start', {
      hint: `Start the program that uses the plugin. It sets the environment variable ${cookie.name}.`,
    });
  }
  const offered = (env[VERSIONS] ?? '').split(',').map(Number);
  const common = appVersions.filter((version) => offered.includes(version));
  const hostCertificate = env[CERTIFICATE];
  return {
    appVersion: common.length > 0 ? Math.max(...common) : Math.min(...appVersions),
    ...(hostCertificate && { hostCertificate }),
    multiplexing: Boolean(env[MULTIPLEXING]),
  };
}

/** @throws TransportError `INVALID_ARGUMENT` */
export function checked<O extends HandshakeOptions>(options: O): O {
  assertOptions(options);
  const { cookie, appVersions } = options as { cookie?: Partial<O['cookie']>; appVersions?: readonly number[] };
  if (!cookie?.name || !cookie.value) {
    throw invalidOption('cookie', cookie, 'Give the name and value of an environment variable.');
  }
  if (!Array.isArray(appVersions) || appVersions.length === 0 || !appVersions.every(isVersion)) {
    throw invalidOption('appVersions', appVersions, 'Give an array of integers of at least 0.');
  }
  return options;
}

function isVersion(value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}
