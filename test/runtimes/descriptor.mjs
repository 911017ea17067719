// Listens on descriptor 3 with TCP and connects to itself. Prints `yes`, or the code of the error. Run by features.mjs.
import { EventEmitter, once } from 'node:events';
import { TCPSocketTransport } from '@rpcplugin/transport-tcp';

try {
  const transport = new TCPSocketTransport({ fd: 3 });
  const accepted = new EventEmitter();
  const endpoint = await transport.listen({ onConnection: () => accepted.emit('connection') });
  await Promise.all([once(accepted, 'connection'), transport.connect(endpoint)]);
  console.log('yes');
} catch (error) {
  console.log(error.code);
}
process.exit();
