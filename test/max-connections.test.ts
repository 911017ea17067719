import type { Socket } from 'node:net';
import { onDiagnostic, until } from '@rpcplugin/test-support';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Accepted, connected, Fixture } from './fixture.js';
import type { Place } from './variants.js';
import { variants } from './variants.js';

const LIMIT = 10;

describe.each([
  { name: 'TCP', variant: variants['TCP IPv4'] },
  { name: 'unix', variant: variants['unix automatic'] },
])('maxConnections over $name', ({ variant }) => {
  let place: Place;
  let fixture: Fixture;

  beforeEach(async () => {
    place = await variant.open();
    fixture = new Fixture(place);
  });
  afterEach(() => fixture.end());

  /** Dials one after another, until each was accepted or closed. Returns the connections that the listener keeps. */
  async function kept(endpoint: string, count: number, accepted: Accepted): Promise<Socket[]> {
    const before = accepted.connections.length;
    const peers: Socket[] = [];
    for (let i = 0; i < count; i++) peers.push((await fixture.dial(endpoint)).resume());
    const closed = (): number => peers.filter((peer) => peer.destroyed).length;
    await until(() => accepted.connections.length - before + closed() === count);
    return peers.filter((peer) => !peer.destroyed);
  }

  it('closes connections over the limit at once, with a diagnostic each, and keeps the others', async () => {
    const accepted = new Accepted();
    const listener = fixture.create({ maxConnections: LIMIT });
    const drops: unknown[] = [];
    onDiagnostic('drop', listener, (message) => drops.push(message));
    const endpoint = await listener.listen(accepted);
    const peers = await kept(endpoint, 200, accepted);
    expect(peers).toHaveLength(LIMIT);
    expect(accepted.connections).toHaveLength(LIMIT);
    const drop = { transport: listener, network: listener.network, endpoint, reason: 'maxConnections' };
    expect(drops).toEqual(Array(200 - LIMIT).fill(drop));
    for (const [index, peer] of peers.entries()) {
      peer.pause();
      expect(await connected(peer, await accepted.at(index))).toBe(true);
    }
  });

  it('accepts as many connections again as have ended', async () => {
    const accepted = new Accepted();
    const endpoint = await fixture.create({ maxConnections: LIMIT }).listen(accepted);
    const peers = await kept(endpoint, LIMIT + 1, accepted);
    expect(peers).toHaveLength(LIMIT);
    for (const peer of peers.slice(0, 3)) peer.destroy();
    for (const connection of accepted.connections) connection.resume();
    await until(() => accepted.connections.filter((connection) => !connection.closed).length === LIMIT - 3);
    expect(await kept(endpoint, 5, accepted)).toHaveLength(3);
    expect(accepted.connections).toHaveLength(LIMIT + 3);
  });
});
