import { parseEndpoint, parseHandshakeLine } from '@rpcplugin/endpoint-utils';
import type { Endpoint, Handshake } from '@rpcplugin/endpoint-utils';

/** What a command is about: an endpoint, alone or from a handshake line. */
export interface Subject {
  /** `undefined` for the endpoint of a framework's own network, which only its own transport can read. */
  readonly parts: Endpoint | undefined;
  readonly handshake: Handshake | undefined;
}

/**
 * Reads the argument of a command. A handshake line begins with a version and a `|`, which no endpoint does.
 *
 * @throws TransportError `INVALID_ENDPOINT`, `INVALID_ARGUMENT` or `UNSUPPORTED`, as `parseEndpoint` and
 *   `parseHandshakeLine` do.
 */
export function readSubject(text: string): Subject {
  if (!/^\s*\d+\|/.test(text)) return { parts: parseEndpoint(text), handshake: undefined };
  const handshake = parseHandshakeLine(text);
  const isOwn = handshake.network !== 'tcp' && handshake.network !== 'unix';
  return { parts: isOwn ? undefined : parseEndpoint(handshake.endpoint), handshake };
}
