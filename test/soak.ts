// Listens, connects, exchanges data and closes on every kind of address for a number of seconds: `pnpm soak 600`.
// Checks after each cycle that no descriptor or file is left, and from time to time that the heap does not grow.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { descriptorsSince, freePort, openDescriptors, rejectionOf, until } from '@rpcplugin/test-support/process';
import { echo, echoes, Fixture } from './fixture.js';
import type { Variant } from './variants.js';
import { variants } from './variants.js';

/** Cycles before the first heap sample, so that compiled and cached code does not count as growth. */
const WARM_UP_CYCLES = 20;
/** Cycles between two heap samples. */
const CYCLES_PER_SAMPLE = 20;
/** How much the heap may grow in total. A leaked socket takes a few KiB, and a cycle opens tens of them. */
const HEAP_GROWTH_BYTES = 1024 * 1024;
const CONNECTIONS = 10;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

async function cycle(variant: Variant): Promise<void> {
  const before = openDescriptors();
  const place = await variant.open();
  const fixture = new Fixture(place);
  try {
    const listener = fixture.create({ maxConnections: CONNECTIONS });
    const endpoint = await listener.listen({ onConnection: echo });
    const dialer = fixture.create();
    const connections = await Promise.all(Array.from({ length: CONNECTIONS }, () => dialer.connect(endpoint)));
    for (const connection of connections)
      if (!(await echoes(connection))) throw new Error('the echo differs from the message');
    await rejectionOf(fixture.createAt(endpoint).listen());
    await rejectionOf(dialer.connect(endpoint, { signal: AbortSignal.abort() }));
    const pending = rejectionOf(dialer.connect(endpoint, { waitMs: 60_000, timeoutMs: 60_000 }));
    await listener.stopListening();
    await Promise.all([listener.close(), dialer.close()]);
    await pending.catch(() => undefined);
    const files = await fixture.leftovers();
    if (files.length > 0) throw new Error(`left files behind: ${files.join(', ')}`);
  } finally {
    await fixture.end();
  }
  await until(() => descriptorsSince(before).length === 0);
}

function heapBytes(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

// From the first socket on, Node keeps a descriptor of /dev/null.
await freePort();

const seconds = Number(process.argv[2] ?? 60);
const end = performance.now() + seconds * 1000;
const kinds = Object.values(variants);
const heap: number[] = [];
let cycles = 0;
while (performance.now() < end || heap.length < 2) {
  for (const variant of kinds) await cycle(variant);
  cycles++;
  if (cycles < WARM_UP_CYCLES || cycles % CYCLES_PER_SAMPLE !== 0) continue;
  heap.push(heapBytes());
  if (process.stderr.isTTY)
    process.stderr.write(`\r${cycles} cycles, heap ${((heap.at(-1) ?? 0) / 1e6).toFixed(1)} MB `);
}
const growth = Math.min(...heap.slice(Math.floor(heap.length / 2))) - (heap[0] ?? 0);
console.log(
  JSON.stringify({ seconds, cycles: cycles * kinds.length, heapGrowthBytes: growth, heapBytes: heap.at(-1) }),
);
if (growth > HEAP_GROWTH_BYTES) throw new Error(`the heap grew by ${growth} bytes`);
