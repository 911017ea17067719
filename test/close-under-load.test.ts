import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import type { CloseMessage, Transport } from '@rpcplugin/transport-core';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { Accepted, Bench } from './bench.js';
import type { Place } from './variants.js';
import { descriptorsSince, openDescriptors, until } from './support.js';
import { variants } from './variants.js';

interface Listening {
  listener: Transport<Socket>;
  /** Each peer, and the connection that was accepted from it. */
  pairs: { peer: Socket; connection: Socket }[];
}

const CONNECTIONS = 2000;
const MEBIBYTE = Buffer.alloc(1024 * 1024, 'payload ');
/** What an idle machine needs far less of: a close is to be over soon after its grace. */
const A_LITTLE_MS = 3000;

/** What a peer may do instead of reading to the end and ending its side; each leaves the other side something to wait for. */
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

describe.each([
  { name: 'TCP', variant: variants['TCP IPv4'] },
  { name: 'unix', variant: variants['unix automatic'] },
])(`close over $name`, ({ variant }) => {
  let place: Place;
  let bench: Bench;

  beforeEach(async () => {
    place = await variant.open();
    bench = new Bench(place);
  });
  afterEach(() => bench.end());

  /** A transport that listens, and so many connections to it by plain peers. */
  async function listenerWith(count: number): Promise<Listening> {
    const accepted = new Accepted();
    const listener = bench.create();
    const endpoint = await listener.listen(accepted);
    const peers: Socket[] = [];
    while (peers.length < count) peers.push(await bench.dial(endpoint, { allowHalfOpen: true }));
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

  it(`of ${CONNECTIONS} connections whose peers end them cuts nobody off`, async () => {
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

  it(`of ${CONNECTIONS} connections to peers of every kind takes its grace and a little`, async () => {
    const before = openDescriptors();
    const { listener, pairs } = await listenerWith(CONNECTIONS);
    const kinds = Object.values(misbehaviours);
    for (const [index, { peer, connection }] of pairs.entries()) kinds[index % kinds.length]?.(peer, connection);
    const begun = performance.now();
    await listener.close({ graceMs: 500 });
    expect(performance.now() - begun).toBeLessThan(500 + A_LITTLE_MS);
    expect(pairs.every(({ connection }) => connection.closed)).toBe(true);
    for (const { peer } of pairs) peer.destroy();
    await until(() => descriptorsSince(before).length === 0);
  });

  it.each(Object.entries(misbehaviours))('is over in time when every peer %s', async (_, misbehave) => {
    const { listener, pairs } = await listenerWith(100);
    for (const { peer, connection } of pairs) misbehave(peer, connection);
    const begun = performance.now();
    await listener.close({ graceMs: 200 });
    expect(performance.now() - begun).toBeLessThan(200 + A_LITTLE_MS);
    expect(pairs.every(({ connection }) => connection.closed)).toBe(true);
  });

  it('lets what was written arrive whole at a hundred peers that read slowly', async () => {
    const { listener, pairs } = await listenerWith(100);
    for (const { connection } of pairs) connection.write(MEBIBYTE);
    const closing = listener.close({ graceMs: 60_000 });
    const sizes = await Promise.all(pairs.map(({ peer }) => readSlowly(peer)));
    expect(new Set(sizes)).toEqual(new Set([MEBIBYTE.length]));
    await closing;
  });
});

/** Reads a little in each turn of the event loop, then ends; how much there was. */
async function readSlowly(peer: Socket): Promise<number> {
  let size = 0;
  for await (const chunk of peer as AsyncIterable<Buffer>) {
    size += chunk.length;
    await new Promise(setImmediate);
  }
  // Up to Node 22 the loop has done so.
  peer.destroy();
  return size;
}
