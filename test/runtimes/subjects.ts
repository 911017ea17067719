/* eslint-disable import-x/no-relative-packages -- the tests of a package are not exported */
// The subjects of the contract, in one module that every runtime can load once it is bundled.
import type { TransportSubject } from '@rpcplugin/transport-testkit';
import * as stdio from '../../packages/transport-stdio/test/subjects.js';
import * as tcp from '../../packages/transport-tcp/test/subjects.js';
import * as testkit from '../../packages/transport-testkit/test/subjects.js';
import * as unix from '../../packages/transport-unix/test/subjects.js';
import { bundled } from './bundled.js';

const { url } = import.meta;

export const memory: TransportSubject = testkit.memory;
export const byPath = bundled(unix.byPath, url, 'byPath');
export const byDirectory = bundled(unix.byDirectory, url, 'byDirectory');
export const automatic = bundled(unix.automatic, url, 'automatic');
export const ipv4 = bundled(tcp.ipv4, url, 'ipv4');
export const ipv6 = bundled(tcp.ipv6, url, 'ipv6');
export const portRange = bundled(tcp.portRange, url, 'portRange');
/** Streams. Bun cannot open descriptors, and Deno only those that it was started with. */
export const stdioStreams = bundled(stdio.socket, url, 'stdioStreams');
