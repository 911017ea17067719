// Either end of connections, over `node:net` or over a transport: `sockets.js <library> <network>`.
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { serveCommands } from './commands.js';
import { memory } from './memory.js';
import { socketLibrary } from './socket-library.js';
import type { Network } from './socket-library.js';

const [, , library = '', network = ''] = process.argv;
const sockets = socketLibrary(library, network as Network);

const CHUNK = Buffer.alloc(64 * 1024);
const CONNECTS_AT_ONCE = 50;
const held = new Set<Socket>();
let accepted = 0;
let echoing: Socket | undefined;

serveCommands({
  /** Listens in a directory. The first line of each connection says what to do: `echo`, `send <bytes>` or `hold`. */
  listen: (directory: string) => sockets.listen(serve, directory),

  /** Microseconds per connect. */
  connect: async (address: string, count: number) => {
    let spent = 0;
    for (let i = 0; i < count; i++) {
      const started = performance.now();
      const connection = await sockets.dial(address);
      spent += performance.now() - started;
      // Waits until the other end has accepted, as a full backlog would distort the times.
      connection.write('hold\n');
      await received(connection, 1);
      connection.destroy();
      await once(connection, 'close');
    }
    return (spent * 1000) / count;
  },

  /** Microseconds per round trip of `bytes` bytes. */
  roundTrip: async (address: string, count: number, bytes: number) => {
    echoing ??= await open(address, 'echo');
    const message = CHUNK.subarray(0, bytes);
    const started = performance.now();
    for (let i = 0; i < count; i++) {
      echoing.write(message);
      await received(echoing, bytes);
    }
    return ((performance.now() - started) * 1000) / count;
  },

  /** Megabytes per second from the other end. */
  download: async (address: string, bytes: number) => {
    const started = performance.now();
    const connection = await open(address, `send ${bytes}`);
    await received(connection, bytes);
    return megabytesPerSecond(bytes, started);
  },

  /** Megabytes per second there and back. */
  echo: async (address: string, bytes: number) => {
    const started = performance.now();
    const connection = await open(address, 'echo');
    await Promise.all([send(connection, bytes), received(connection, bytes)]);
    const rate = megabytesPerSecond(bytes, started);
    connection.end();
    return rate;
  },

  /** Opens and keeps `count` connections. Returns the milliseconds for each thousand. */
  hold: async (address: string, count: number) => {
    const times = [];
    for (let left = count; left > 0; left -= 1000) {
      const started = performance.now();
      for (let batch = Math.min(left, 1000); batch > 0; batch -= CONNECTS_AT_ONCE) {
        await Promise.all(Array.from({ length: Math.min(batch, CONNECTS_AT_ONCE) }, () => hold(address)));
      }
      times.push(performance.now() - started);
    }
    return times;
  },

  /** Closes the kept connections. */
  letGo: () => {
    for (const connection of held) connection.destroy();
    return untilIs(() => held.size === 0);
  },

  /** Resolves once `count` accepted connections are open. */
  accepted: (count: number) => untilIs(() => accepted === count),

  memory,

  /** Milliseconds to close the listener and all connections. */
  close: async () => {
    const started = performance.now();
    await sockets.close();
    return performance.now() - started;
  },
});

async function hold(address: string): Promise<void> {
  const connection = await open(address, 'hold');
  held.add(connection);
  connection.on('close', () => held.delete(connection));
  // Waits until the other end has accepted, as bare connects fail when the backlog is full.
  await received(connection, 1);
  connection.resume();
}

async function untilIs(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1));
}

function serve(connection: Socket): void {
  accepted += 1;
  connection.on('close', () => (accepted -= 1));
  connection.once('data', (data) => {
    const end = data.indexOf('\n');
    const [command, bytes] = data.toString('latin1', 0, end).split(' ');
    if (data.length > end + 1) connection.unshift(data.subarray(end + 1));
    if (command === 'echo') connection.pipe(connection);
    else if (command === 'hold') connection.resume().write('.');
    else void send(connection, Number(bytes)).then(() => connection.end());
  });
}

async function open(address: string, command: string): Promise<Socket> {
  const connection = await sockets.dial(address);
  connection.write(`${command}\n`);
  return connection;
}

async function send(connection: Socket, bytes: number): Promise<void> {
  for (let left = bytes; left > 0; left -= CHUNK.length) {
    if (!connection.write(left < CHUNK.length ? CHUNK.subarray(0, left) : CHUNK)) await drained(connection);
  }
}

function drained(connection: Socket): Promise<void> {
  return new Promise((resolve) => {
    connection.once('drain', resolve);
  });
}

function received(connection: Socket, bytes: number): Promise<void> {
  return new Promise((resolve) => {
    let left = bytes;
    const onData = (data: Buffer): void => {
      left -= data.length;
      if (left > 0) return;
      connection.off('data', onData);
      resolve();
    };
    connection.on('data', onData);
  });
}

function megabytesPerSecond(bytes: number, started: number): number {
  return bytes / 1000 / (performance.now() - started);
}
