import { show } from '@rpcplugin/printable';
import { TransportError } from '@rpcplugin/transport-core';
import { toCertificateField, toCertificatePem } from './certificate-field.js';
import { assertObject } from './errors.js';
import { fromHandshakeAddress, toHandshakeAddress } from './handshake-address.js';

/**
 * What a plugin tells its host in the handshake line, `CORE|APP|NETWORK|ADDRESS|PROTOCOL|CERTIFICATE|MULTIPLEXING`. The
 * first field, go-plugin's core version, is always 1.
 */
export interface Handshake {
  /** The version of the application's protocol that the plugin chose, at least 0. */
  readonly appVersion: number;
  /** The network of the listener: `tcp`, `unix`, or the name of a framework's own network. */
  readonly network: string;
  /** The canonical endpoint to connect to. The line has it as `fromHandshakeAddress` takes it. */
  readonly endpoint: string;
  /** What the plugin speaks on its connections. `netrpc` is Go's own `net/rpc`. */
  readonly protocol: 'grpc' | 'netrpc';
  /**
   * The plugin's own certificate, in PEM, as `tls` and gRPC take it. With go-plugin's AutoMTLS, the host trusts only
   * this one. Absent without TLS.
   */
  readonly certificate?: string | undefined;
  /**
   * Whether the plugin's broker can use one connection for all services. A plugin says so only if its host asks with
   * `PLUGIN_MULTIPLEX_GRPC`; older hosts fail on a seventh field.
   */
  readonly multiplexing?: boolean | undefined;
}

/** What `bufio.Scanner`, by which go-plugin reads the line, takes at most. */
const MAX_CHARS = 65_536;

const PROTOCOLS = ['grpc', 'netrpc'] as const;

const FORM =
  'The first line that a plugin prints on standard output is CORE|APP|NETWORK|ADDRESS|PROTOCOL, and nothing else. ' +
  'Is the program a plugin? Then have it print other text on standard error.';

/**
 * Parses the handshake line of a plugin, by the rules of go-plugin's host
 * ({@link https://github.com/hashicorp/go-plugin/blob/main/client.go | Client.Start}): white space around it is
 * ignored, such as the `\r` of a `\r\n`; four fields are enough; without a fifth, the protocol is `netrpc`; a sixth
 * field of at most 50 characters is no certificate; a seventh that is no boolean, and all later ones, are ignored.
 *
 * @throws TransportError `INVALID_ARGUMENT` for text that is not such a line, or longer than 65,536 characters;
 * `UNSUPPORTED` for another core version or protocol; `INVALID_ENDPOINT` for its network and address, as
 * `fromHandshakeAddress` does
 */
export function parseHandshakeLine(line: string): Handshake {
  if (typeof line !== 'string') throw invalidLine(line, 'it is not a string', 'Pass the first line of a plugin.');
  if (line.length > MAX_CHARS) throw invalidLine(line, `it is longer than ${MAX_CHARS} characters`, FORM);
  const fields = line.trim().split('|', 7);
  const [core = '', app = '', network = '', address, protocol = 'netrpc', certificate = '', multiplexing = ''] = fields;
  if (address === undefined) throw invalidLine(line, `it has ${fields.length} of at least 4 fields`, FORM);
  if (!/^\d+$/.test(core)) throw invalidLine(line, 'it does not begin with a version of the core protocol', FORM);
  if (Number(core) !== 1) {
    throw unsupported(`version ${show(core)} of the core protocol`, 'Update go-plugin in the plugin, or this package.');
  }
  const appVersion = Number(app);
  if (!/^\d+$/.test(app) || !Number.isSafeInteger(appVersion)) {
    throw invalidLine(line, "its second field is not a version of the application's protocol", FORM);
  }
  if (!isProtocol(protocol)) {
    throw unsupported(`the protocol ${show(protocol)}`, 'The fifth field of the handshake line is grpc, or netrpc.');
  }
  return {
    appVersion,
    network,
    endpoint: fromHandshakeAddress({ network, address }),
    protocol,
    ...certificateOf(line, certificate),
    ...multiplexingOf(multiplexing),
  };
}

/**
 * The handshake line of a plugin, without its line break. {@link parseHandshakeLine} turns it back into equal fields if
 * the endpoint is canonical, and the certificate has lines of 64 characters. The sixth and seventh field are left out
 * unless they say something.
 *
 * @throws TransportError `INVALID_ARGUMENT` for a version, protocol, certificate or boolean that the line cannot have;
 * `INVALID_ENDPOINT` as `toHandshakeAddress` does
 */
export function formatHandshakeLine(handshake: Handshake): string {
  assertObject(handshake);
  const { appVersion, network, endpoint, protocol, certificate, multiplexing } = handshake;
  if (!Number.isSafeInteger(appVersion) || appVersion < 0) {
    throw invalidField(`appVersion cannot be ${show(appVersion)}`, 'Give an integer of at least 0.');
  }
  if (!isProtocol(protocol)) throw invalidField(`protocol cannot be ${show(protocol)}`, "Give 'grpc' or 'netrpc'.");
  if (multiplexing !== undefined && typeof multiplexing !== 'boolean') {
    throw invalidField(`multiplexing cannot be ${show(multiplexing)}`, 'Give a boolean, or leave it out.');
  }
  const { address } = toHandshakeAddress(endpoint, network);
  const fields = [1, appVersion, network, address, protocol];
  if (certificate !== undefined || multiplexing !== undefined) fields.push(certificateField(certificate));
  if (multiplexing !== undefined) fields.push(String(multiplexing));
  return fields.join('|');
}

function isProtocol(text: string): text is Handshake['protocol'] {
  return (PROTOCOLS as readonly string[]).includes(text);
}

function certificateOf(line: string, field: string): Pick<Handshake, 'certificate'> {
  // Some plugins from before certificates have other data here. go-plugin tells it apart by its length.
  if (field.length <= 50) return {};
  const certificate = toCertificatePem(field);
  if (certificate !== undefined) return { certificate };
  throw invalidLine(
    line,
    'its sixth field is not a certificate',
    'The plugin has to write the DER form of one certificate in base64 without padding.',
  );
}

function certificateField(certificate: string | undefined): string {
  if (certificate === undefined) return '';
  const field = toCertificateField(certificate);
  if (field !== undefined) return field;
  // Not shown, as it may be the key.
  throw invalidField('certificate is not a certificate in PEM', 'Give a single one, without its key.');
}

/** The spellings of Go's `strconv.ParseBool`. */
function multiplexingOf(field: string): Pick<Handshake, 'multiplexing'> {
  if (/^(?:1|[tT]|true|TRUE|True)$/.test(field)) return { multiplexing: true };
  return /^(?:0|[fF]|false|FALSE|False)$/.test(field) ? { multiplexing: false } : {};
}

function invalidLine(line: unknown, what: string, hint: string): TransportError {
  return new TransportError('INVALID_ARGUMENT', `invalid handshake line ${show(line)}: ${what}`, { hint });
}

function invalidField(what: string, hint: string): TransportError {
  return new TransportError('INVALID_ARGUMENT', what, { hint });
}

function unsupported(what: string, hint: string): TransportError {
  return new TransportError('UNSUPPORTED', `the plugin's handshake line has ${what}`, { hint });
}
