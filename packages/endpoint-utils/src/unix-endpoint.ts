import { assertText, invalidEndpoint } from './invalid.js';
import type { Refusal } from './invalid.js';
import { unixEndpoint, unixPathStart } from './unix-path.js';
import type { UnixEndpoint } from './unix-path.js';

export const UNIX_FORMS = 'a unix socket is written unix:path, /path, ./path or ../path';

/**
 * `parseEndpoint` for the endpoints of unix sockets alone, which takes a fifth of the code.
 *
 * @throws TransportError `INVALID_ENDPOINT` as `parseEndpoint` does, and for an endpoint of TCP
 */
export function parseUnixEndpoint(text: string): UnixEndpoint {
  assertText(text);
  const pathStart = unixPathStart(text);
  if (pathStart >= 0) return unixEndpoint(text, pathStart);
  throw invalidEndpoint(
    text,
    ...(refuseAbstract(text) ?? [
      text === '' ? 'empty' : 'not the endpoint of a unix socket',
      `${UNIX_FORMS}; TCPSocketTransport of @rpcplugin/transport-tcp connects to host:port`,
    ]),
  );
}

/** Whether `parseEndpoint` takes `text`, as an endpoint of a unix socket. Never throws. */
export function isValidUnixEndpoint(text: string): boolean {
  try {
    parseUnixEndpoint(text);
    return true;
  } catch {
    return false;
  }
}

/** Why an abstract socket has no endpoint; `undefined` for text that does not name one. */
export function refuseAbstract(text: string): Refusal | undefined {
  if (!text.startsWith('unix-abstract:')) return undefined;
  return [
    'abstract unix sockets have no permissions, so plugins do not use them',
    'write unix:path with a path in a directory of your own',
  ];
}
