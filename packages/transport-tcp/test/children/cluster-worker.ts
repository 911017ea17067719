// A cluster worker that listens, and closes its transport when it accepts a connection.
import { TCPSocketTransport } from '../../src/index.js';

const transport = new TCPSocketTransport();
const onConnection = (): void => void transport.close();
process.send?.(await transport.listen({ onConnection }));
