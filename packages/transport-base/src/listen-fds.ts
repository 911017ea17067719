import { statsOfFd } from './inherited-socket.js';
import { invalidOption } from './options.js';

/** A listening socket that this process was started with. */
export interface ListenFd {
  /** The descriptor. */
  readonly fd: number;
  /** Its name: with systemd, `FileDescriptorName=` of the socket unit. `unknown` if it has none. */
  readonly name: string;
}

/** The first descriptor: `SD_LISTEN_FDS_START`. */
const FIRST = 3;

/**
 * The listening sockets that were passed to this process, as in sd_listen_fds_with_names(3): `LISTEN_FDS` descriptors
 * from 3 on, with the names in `LISTEN_FDNAMES`, if `LISTEN_PID` is this process. None if `LISTEN_PID` or `LISTEN_FDS`
 * is not set, or if they are meant for another process.
 *
 * It always removes the three variables, so that processes that this one starts do not take them for theirs. They do
 * not inherit the descriptors either: Node makes those close-on-exec when it starts.
 *
 * @param env - Default: `process.env`.
 * @throws TransportError `INVALID_ARGUMENT` if `LISTEN_PID` or `LISTEN_FDS` is not a positive number, if there is not
 *   one name for each descriptor, or if one is not open.
 */
export function listenFdsFromEnv(env: NodeJS.ProcessEnv = process.env): ListenFd[] {
  const { LISTEN_PID: pid, LISTEN_FDS: count, LISTEN_FDNAMES: text } = env;
  for (const name of ['LISTEN_PID', 'LISTEN_FDS', 'LISTEN_FDNAMES']) Reflect.deleteProperty(env, name);
  if (pid === undefined || positive('LISTEN_PID', pid) !== process.pid || count === undefined) return [];
  const end = FIRST + positive('LISTEN_FDS', count);
  const names = text?.split(':');
  if (names !== undefined && names.length !== end - FIRST) {
    throw invalidOption('LISTEN_FDNAMES', text, `Set it to ${count} names with colons in between, or unset it.`);
  }
  const found: ListenFd[] = [];
  for (let fd = FIRST; fd < end; fd++) {
    statsOfFd(fd);
    found.push({ fd, name: names?.[fd - FIRST] ?? 'unknown' });
  }
  return found;
}

function positive(name: string, text: string): number {
  if (/^[1-9]\d{0,9}$/.test(text)) return Number(text);
  throw invalidOption(name, text, 'Set it to a positive number, or unset it.');
}
