import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { closed, onDiagnostic, standStill } from '@rpcplugin/test-support';
import type { CloseMessage } from '@rpcplugin/transport-core';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { Accepted, Fixture } from './fixture.js';
import type { Place } from './variants.js';
import { variants } from './variants.js';

const LIMIT_MS = 50;

/** A thread that connects and ends its side as soon as the other end does. Resolves once it is connected. */
async function startPeer(address: object): Promise<void> {
  const code = `
    const { parentPort, workerData } = require('node:worker_threads');
    const socket = require('node:net').connect(workerData).resume();
    socket.on('connect', () => parentPort.postMessage('connected'));
  `;
  const peer = new Worker(code, { eval: true, workerData: address });
  onTestFinished(() => void peer.terminate());
  await once(peer, 'message');
}

describe.each(['TCP IPv4', 'unix automatic'] as const)('a process that stands still, over %s', (name) => {
  let place: Place;
  let fixture: Fixture;

  beforeEach(async () => {
    place = await variants[name].open();
    fixture = new Fixture(place);
  });
  afterEach(() => fixture.end());

  it('connects within the time limit if the listener was there', async () => {
    const endpoint = await fixture.create().listen();
    const connecting = fixture.create().connect(endpoint, { timeoutMs: LIMIT_MS });
    standStill(4 * LIMIT_MS);
    await expect(connecting).resolves.toMatchObject({ destroyed: false });
  });

  it('destroys no connection whose peer ended within the grace period', async () => {
    const transport = fixture.create();
    const accepted = new Accepted();
    const messages: CloseMessage[] = [];
    onDiagnostic('close', transport, (message) => messages.push(message));
    const endpoint = await transport.listen(accepted);
    await startPeer(place.netOptions(endpoint));
    const connection = await accepted.at(0);
    const closing = transport.close({ graceMs: LIMIT_MS });
    // Until the end has been sent.
    if (!connection.writableFinished) await once(connection, 'finish');
    standStill(4 * LIMIT_MS);
    await Promise.all([closing, closed(connection)]);
    expect(messages).toMatchObject([{ destroyed: 0 }]);
  });
});
