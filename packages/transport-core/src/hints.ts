import type { TransportErrorCode } from './errors.js';

/** What a person can do about an error, by its code. */
export type Hints = Partial<Record<TransportErrorCode, string>>;

const STARTING = 'Is the plugin running? Raise waitMs if it needs longer to start.';
const EXHAUSTED = 'This process or machine is out of descriptors, space or buffers. Free some or raise `ulimit -n`.';

/** What a person can do when a connection can not be made. */
export const connectHints: Hints = {
  NOT_FOUND: `Nothing stands there. ${STARTING}`,
  CONNECTION_REFUSED: `Nobody accepts connections there. ${STARTING}`,
  PERMISSION_DENIED: 'This user may not connect there. Check the mode and group of the socket and its directories.',
  NOT_A_SOCKET: 'What stands there is not a stream socket. Check the path.',
  RESOURCE_EXHAUSTED: EXHAUSTED,
};

/** The same for what only happens where a host is connected to. */
export const hostHints = {
  ADDRESS_NOT_AVAILABLE: 'No route leads there from this machine. Check the host.',
  DNS_FAILURE:
    'Check the spelling of the host name and that the resolver of this machine works, or give an IP address.',
} satisfies Hints;

/** What a person can do when an address can not be listened on. */
export const listenHints: Hints = {
  ADDRESS_IN_USE: 'Another process listens there. Stop it, or choose another address.',
  PERMISSION_DENIED: 'This user may not listen there. Choose another port or directory, or change its permissions.',
  NOT_FOUND: 'A directory on the way is missing or is not a directory. Check the path.',
  UNSUPPORTED: 'This machine does not have that kind of address. Use another host or file system.',
  RESOURCE_EXHAUSTED: EXHAUSTED,
};
