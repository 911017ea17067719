import { Socket } from 'node:net';

// The process of a `SocketTaker`: sends back what it receives on each socket that its parent hands to it.
process.on('message', (message, socket) => {
  if (!(socket instanceof Socket)) throw new Error(`${String(message)} came without a socket`);
  // A socket is handed over without this option.
  socket.allowHalfOpen = true;
  socket.on('error', () => undefined).pipe(socket);
});
process.on('disconnect', () => process.exit());
