import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { echo, echoes, Fixture } from './fixture.js';
import type { Place } from './variants.js';
import { variants } from './variants.js';

const BURST = 2000;

describe.each([
  { name: 'TCP', variant: variants['TCP IPv4'] },
  { name: 'unix', variant: variants['unix automatic'] },
])(`${BURST} connects at once over $name, with the default backlog`, ({ variant }) => {
  let place: Place;
  let fixture: Fixture;

  beforeEach(async () => {
    place = await variant.open();
    fixture = new Fixture(place);
  });
  afterEach(() => fixture.end());

  it('all succeed and reach the handler', async () => {
    const endpoint = await fixture.create().listen({ onConnection: echo });
    const dialer = fixture.create();
    const outcomes = await Promise.allSettled(
      Array.from({ length: BURST }, () => dialer.connect(endpoint, { timeoutMs: 30_000 })),
    );
    expect(outcomes.filter(({ status }) => status === 'rejected')).toEqual([]);
    const connections = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? outcome.value : []));
    expect(await Promise.all(connections.map(echoes))).toEqual(Array<boolean>(BURST).fill(true));
  });

  it.runIf(variant.network === 'unix')('fail with EAGAIN for some plain sockets', async () => {
    const endpoint = await fixture.create().listen();
    const attempts = Array.from({ length: BURST }, async () => {
      const socket = connect(place.netOptions(endpoint));
      return new Promise((resolve) => {
        socket.on('connect', resolve).on('error', resolve);
      }).finally(() => socket.destroy());
    });
    const failures = (await Promise.all(attempts)).filter((error) => error !== undefined);
    expect(failures.length).toBeGreaterThan(0);
    for (const failure of failures) expect(failure).toMatchObject({ code: 'EAGAIN' });
  });
});
