import { describeTransport } from '@rpcplugin/transport-testkit/vitest';
import { fifo } from './subject.js';

describeTransport(fifo);
