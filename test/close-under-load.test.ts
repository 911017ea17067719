import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CloseMessage, Transport } from '@rpcplugin/transport-core';
import { descriptorsSince, isStress, openDescriptors, turns, until } from '@rpcplugin/test-support';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { Accepted, Fixture } from './fixture.js';
import type { Place } from './variants.js';
import { variants } from './variants.js';

interface Listening {
  listener: Transport<Socket>;
  /** Each peer with the connection accepted from it. */
  pairs: { peer: Socket; connection: Socket }[];
}

const CONNECTIONS = isStress ? 2000 : 500;
const MEBIBYTE = Buffer.alloc(1024 * 1024, 'payload ');
/** How many turns of the event loop a close may take after its grace period. It takes one or two. */
const A_FEW_TURNS = 10;

/** How a peer may behave during a close. Each leaves the other side something to wait for. */
const misbehaviours: Record<string, (peer: Socket, connection: Socket) => void> = {
  'reads and ends': (peer) => void peer.resume().on('end', () => peer.end()),
  'never reads': (_peer, connection) => void connection.write(MEBIBYTE),
  'never ends': (peer) => void peer.resume(),
  resets: (peer) => {
    if (peer.remoteFamily === undefined) peer.destroy();
    else peer.resetAndDestroy();
  },
  'half-closes': (peer) => void peer.resume().end(),
  'writes all the time': (peer) => {
    peer.resume();
    const write = (): void => {
      while (peer.writable && peer.write(MEBIBYTE.subarray(0, 4096)));
    };
    peer.on('drain', write);
    write();
  },
};

/**
 * Whether a close is over soon after its grace. It counts turns of the event loop: with peers that write all the time
 * a turn takes as long as reading what they wrote, which is seconds on a busy machine.
 */
async function closesInTime(listener: Transport<Socket>, graceMs: number): Promise<boolean> {
  const state = { over: false };
  void listener.close({ graceMs }).then(() => {
    state.over = true;
  });
  // This timer is due after that of the grace. Giving up the address may take longer.
  await sleep(graceMs);
  await until(() => listener.endpoint === undefined);
  for (let turn = 0; turn < A_FEW_TURNS && !state.over; turn++) await turns(1);
  return state.over;
}

describe.each([
  { name: 'TCP', variant: variants['TCP IPv4'] },
  { name: 'unix', variant: variants['unix automatic'] },
])(`close over $name`, { timeout: 120_000 }, ({ variant }) => {
  let place: Place;
  let fixture: Fixture;

  beforeEach(async () => {
    place = await variant.open();
    fixture = new Fixture(place);
  });
  afterEach(() => fixture.end());

  /** A listening transport with `count` connections from plain peers. */
  async function listenerWith(count: number): Promise<Listening> {
    const accepted = new Accepted();
    const listener = fixture.create();
    const endpoint = await listener.listen(accepted);
    const peers: Socket[] = [];
    while (peers.length < count) peers.push(await fixture.dial(endpoint, { allowHalfOpen: true }));
    await accepted.at(count - 1);
    const pairs = peers.map((peer, index) => ({ peer, connection: accepted.connections[index] ?? peer }));
    return { listener, pairs };
  }

  function destroyedBy(transport: unknown): Promise<number> {
    return new Promise((resolve) => {
      const onClose = (message: unknown): void => {
        if ((message as CloseMessage).transport === transport) resolve((message as CloseMessage).destroyed);
      };
      subscribe('rpcplugin:transport:close', onClose);
      onTestFinished(() => void unsubscribe('rpcplugin:transport:close', onClose));
    });
  }

  it(`destroys none of ${CONNECTIONS} connections whose peers end them`, async () => {
    const before = openDescriptors();
    const { listener, pairs } = await listenerWith(CONNECTIONS);
    for (const { peer } of pairs) peer.resume().on('end', () => peer.end());
    const destroyed = destroyedBy(listener);
    await listener.close({ graceMs: 60_000 });
    expect(await destroyed).toBe(0);
    expect(pairs.every(({ connection }) => connection.closed)).toBe(true);
    await until(() => pairs.every(({ peer }) => peer.closed));
    await until(() => descriptorsSince(before).length === 0);
  });

  it(`ends ${CONNECTIONS} connections to peers of every kind as soon as the grace period is over`, async () => {
    const before = openDescriptors();
    const { listener, pairs } = await listenerWith(CONNECTIONS);
    const kinds = Object.values(misbehaviours);
    for (const [index, { peer, connection }] of pairs.entries()) kinds[index % kinds.length]?.(peer, connection);
    expect(await closesInTime(listener, 500)).toBe(true);
    expect(pairs.every(({ connection }) => connection.closed)).toBe(true);
    for (const { peer } of pairs) peer.destroy();
    await until(() => descriptorsSince(before).length === 0);
  });

  it.each(Object.entries(misbehaviours))(
    'finishes as soon as the grace period is over when every peer %s',
    async (_, misbehave) => {
      const { listener, pairs } = await listenerWith(100);
      for (const { peer, connection } of pairs) misbehave(peer, connection);
      expect(await closesInTime(listener, 200)).toBe(true);
      expect(pairs.every(({ connection }) => connection.closed)).toBe(true);
    },
  );

  it('delivers all written data to a hundred peers that read slowly', async () => {
    const { listener, pairs } = await listenerWith(100);
    for (const { connection } of pairs) connection.write(MEBIBYTE);
    const closing = listener.close({ graceMs: 60_000 });
    const sizes = await Promise.all(pairs.map(({ peer }) => readSlowly(peer)));
    expect(new Set(sizes)).toEqual(new Set([MEBIBYTE.length]));
    await closing;
  });
});

/** Reads a little in each turn of the event loop, then ends. Returns the number of bytes. */
async function readSlowly(peer: Socket): Promise<number> {
  let size = 0;
  for await (const chunk of peer as AsyncIterable<Buffer>) {
    size += chunk.length;
    await new Promise(setImmediate);
  }
  // Up to Node 22, the loop has done this.
  peer.destroy();
  return size;
}
