import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Place } from './variants.js';
import { Bench, echo, echoes } from './bench.js';
import { variants } from './variants.js';

const BURST = 2000;

describe.each([
  { name: 'TCP', variant: variants['TCP IPv4'] },
  { name: 'unix', variant: variants['unix automatic'] },
])(`${BURST} connects at once over $name, with the default backlog`, ({ variant }) => {
  let place: Place;
  let bench: Bench;

  beforeEach(async () => {
    place = await variant.open();
    bench = new Bench(place);
  });
  afterEach(() => bench.end());

  it('all succeed, and reach the handler', async () => {
    const endpoint = await bench.create().listen({ onConnection: echo });
    const dialer = bench.create();
    const outcomes = await Promise.allSettled(
      Array.from({ length: BURST }, () => dialer.connect(endpoint, { timeoutMs: 30_000 })),
    );
    expect(outcomes.filter(({ status }) => status === 'rejected')).toEqual([]);
    const connections = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? outcome.value : []));
    expect(await Promise.all(connections.map(echoes))).toEqual(Array<boolean>(BURST).fill(true));
  });

  it.runIf(variant.network === 'unix')('are more than bare sockets can make', async () => {
    const endpoint = await bench.create().listen();
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
