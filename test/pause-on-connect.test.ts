import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { SocketTaker, turns, until, whenAllAreOver } from '@rpcplugin/test-support';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Accepted, Fixture } from './fixture.js';
import { variants } from './variants.js';

/** More than the buffers of a socket hold. */
const MANY_BYTES = 2 ** 22;
/** More turns of the event loop than it takes to receive. */
const TURNS = 30;

const whenOver = whenAllAreOver();
let taker: SocketTaker;
beforeAll(() => {
  taker = new SocketTaker({ whenOver });
});

describe.each([
  { name: 'TCP', variant: variants['TCP IPv4'] },
  { name: 'unix', variant: variants['unix automatic'] },
])('pauseOnConnect over $name', ({ variant }) => {
  let fixture: Fixture;

  beforeEach(async () => {
    fixture = new Fixture(await variant.open());
  });
  afterEach(() => fixture.end());

  it('hands another process all that the peer of an accepted connection sends', async () => {
    const endpoint = await fixture.create().listen({
      onConnection: (socket) => taker.take(socket),
      pauseOnConnect: true,
    });
    const data = randomBytes(MANY_BYTES);
    const peer = await fixture.dial(endpoint);
    peer.end(data);
    expect(data.equals(await buffer(peer))).toBe(true);
  });

  it('hands another process all that the peer of a dialled connection sends', async () => {
    const data = randomBytes(MANY_BYTES);
    const echoed: Promise<Buffer>[] = [];
    const endpoint = await fixture.create().listen({
      onConnection: (socket) => {
        socket.end(data);
        echoed.push(buffer(socket));
      },
      allowHalfOpen: true,
    });
    const socket = await fixture.create().connect(endpoint, { pauseOnConnect: true });
    await until(() => echoed.length === 1);
    // Time for a socket that reads to lose what it receives.
    await turns(TURNS);
    await taker.take(socket);
    expect(await echoed[0]?.then((received) => data.equals(received))).toBe(true);
  });

  it('hands the connection to a program as its standard input and output', async () => {
    const endpoint = await fixture.create().listen({
      onConnection: (socket) => {
        spawn('cat', { stdio: [socket, socket, 'inherit'] });
        socket.destroy();
      },
      pauseOnConnect: true,
    });
    const data = randomBytes(MANY_BYTES);
    const peer = await fixture.dial(endpoint);
    peer.end(data);
    expect(data.equals(await buffer(peer))).toBe(true);
  });

  it('reads nothing before the connection is resumed', async () => {
    const accepted = new Accepted();
    const listener = fixture.create();
    const endpoint = await listener.listen({ onConnection: accepted.onConnection, pauseOnConnect: true });
    const peer = await fixture.dial(endpoint);
    await new Promise((resolve) => peer.write('early', resolve));
    // Input of this one arrives after that of the first.
    const later = await fixture.dial(endpoint);
    later.write('later');
    await once((await accepted.at(1)).resume(), 'data');
    const socket = await accepted.at(0);
    expect(socket.bytesRead).toBe(0);
    const received: Promise<unknown[]> = once(socket, 'data');
    socket.resume();
    expect(String((await received)[0])).toBe('early');
  });

  it.each([
    ['is there', false],
    ['has left', true],
  ])('close ends a connection with unread input that was never resumed, whose peer %s', async (_, hasLeft) => {
    const accepted = new Accepted();
    const listener = fixture.create();
    const endpoint = await listener.listen({ onConnection: accepted.onConnection, pauseOnConnect: true });
    const peer = await fixture.dial(endpoint);
    const ended = once(peer.resume(), 'end');
    if (hasLeft) peer.end('early');
    else peer.write('early');
    const socket: Socket = await accepted.at(0);
    await listener.close({ graceMs: Infinity });
    await ended;
    expect(socket.closed).toBe(true);
  });
});
