/* eslint-disable import-x/no-relative-packages -- the tests of a package are not exported */
// The subjects of the contract, in one module that every runtime can load once it is bundled.
import type { TransportSubject } from '@rpcplugin/transport-testkit';
import * as stdio from '../../packages/transport-stdio/test/subjects.js';
import * as tcp from '../../packages/transport-tcp/test/subjects.js';
import * as testkit from '../../packages/transport-testkit/test/subjects.js';
import * as unix from '../../packages/transport-unix/test/subjects.js';

/** A child process loads this module, and needs no loader for it. */
function bundled({ capabilities, ...subject }: TransportSubject, name: string): TransportSubject {
  return { ...subject, capabilities: { ...capabilities, module: { url: import.meta.url, name } } };
}

export const memory: TransportSubject = testkit.memory;
export const byPath = bundled(unix.byPath, 'byPath');
export const byDirectory = bundled(unix.byDirectory, 'byDirectory');
export const automatic = bundled(unix.automatic, 'automatic');
export const ipv4 = bundled(tcp.ipv4, 'ipv4');
export const ipv6 = bundled(tcp.ipv6, 'ipv6');
export const portRange = bundled(tcp.portRange, 'portRange');
/** Streams. Bun cannot open descriptors, and Deno only those that it was started with. */
export const stdioStreams = bundled(stdio.socket, 'stdioStreams');
