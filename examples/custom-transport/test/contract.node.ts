import { describeTransport } from '@rpcplugin/transport-testkit/node-test';
import { fifo } from './subject.js';

describeTransport(fifo);
