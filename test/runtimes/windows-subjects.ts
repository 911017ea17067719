/* eslint-disable import-x/no-relative-packages -- the tests of a package are not exported */
// The subjects of the contract on Windows. The others need unix sockets or FIFOs.
import type { TransportSubject } from '@rpcplugin/transport-testkit';
import * as tcp from '../../packages/transport-tcp/test/subjects.js';
import * as testkit from '../../packages/transport-testkit/test/subjects.js';
import { bundled } from './bundled.js';

const { url } = import.meta;

export const memory: TransportSubject = testkit.memory;
export const ipv4 = bundled(tcp.ipv4, url, 'ipv4');
export const ipv6 = bundled(tcp.ipv6, url, 'ipv6');
export const portRange = bundled(tcp.portRange, url, 'portRange');
