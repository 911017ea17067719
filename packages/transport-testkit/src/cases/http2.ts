import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { Pair } from '../fixture.js';
import { receiveAll } from '../streams.js';
import type { CaseDefinition } from './definition.js';

/** Calls at once. */
const CALLS = 4;
/** What each call sends, in bytes. All of them exceed the buffers of a connection many times over. */
const BODY = randomBytes(2 ** 20);

export const http2Cases: readonly CaseDefinition[] = [
  {
    requirement: 'C1',
    title: 'carries HTTP/2 while both ends send as much as they can',
    async run(fixture) {
      const answers = await echoOverHttp2(await fixture.pair());
      for (const answer of answers) assert.ok(BODY.equals(answer), 'different data arrived');
    },
  },
];

/** Makes calls whose bodies come back while they are sent, and resolves with the answers. */
async function echoOverHttp2({ near, far }: Pair): Promise<Buffer[]> {
  // Slow to load.
  const { connect, performServerHandshake } = await import('node:http2');
  const server = performServerHandshake(far);
  const client = connect('http://localhost', { createConnection: () => near });
  const failed = new Promise<never>((_, reject) => {
    for (const session of [server, client]) session.on('error', reject);
  });
  server.on('stream', (call) => {
    call.on('error', () => undefined).respond();
    call.pipe(call);
  });
  try {
    const calls = Array.from({ length: CALLS }, () => client.request({ ':method': 'POST' }));
    return await Promise.race([failed, Promise.all(calls.map((call) => receiveAll(call.end(BODY))))]);
  } finally {
    client.destroy();
    server.destroy();
  }
}
