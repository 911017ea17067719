// Repeats an operation of a socket library: `repeat.ts <library> <network> <operation> <place> <count>`. The place is a
// directory for `listen`, nothing for `listen privately`, and an address for `connect`.
import { once } from 'node:events';
import { UnixSocketTransport } from '@rpcplugin/transport-unix';
import { socketLibrary } from '../../src/programs/socket-library.js';
import type { Network } from '../../src/programs/socket-library.js';

const [, , library = '', network = '', operation = '', place = '', count = ''] = process.argv;

for (let i = 0; i < Number(count); i++) await perform();

async function perform(): Promise<void> {
  if (operation === 'listen privately') {
    await using transport = new UnixSocketTransport();
    await transport.listen();
    return;
  }
  const sockets = socketLibrary(library, network as Network);
  if (operation === 'listen') {
    await sockets.listen((connection) => connection.destroy(), place);
    await sockets.close();
    return;
  }
  const connection = await sockets.dial(place);
  connection.destroy();
  await once(connection, 'close');
}
