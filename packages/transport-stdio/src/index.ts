export { StdioTransport, stdioTransportFactory } from './stdio-transport.js';
export type { StdioTransportOptions } from './options.js';
