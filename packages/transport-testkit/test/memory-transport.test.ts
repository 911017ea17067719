import { describeTransport } from '../src/vitest.js';
import { memory } from './subjects.js';

describeTransport(memory);
