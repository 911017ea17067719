import { randomBytes } from 'node:crypto';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { getEventListeners, once } from 'node:events';
import type { NetConnectOpts } from 'node:net';
import { Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { runInNewContext } from 'node:vm';
import { TransportError } from '@rpcplugin/transport-core';
import type { SocketTransportOptions, Transport, TransportErrorCode } from '@rpcplugin/transport-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Accepted, Bench, connected, echo, echoes, ending, receive, receiveAll } from './bench.js';
import { BusyListener } from './busy-listener.js';
import {
  freshDirectory,
  descriptorsSince,
  openDescriptors,
  rejectionOf,
  removeDirectory,
  settlesWithoutIO,
  startChild,
  turns,
  until,
} from './support.js';

/** What the contract has to know about one kind of transport and address. */
export interface ContractVariant {
  /** The go-plugin network name. */
  readonly network: string;
  /** What the endpoints that `listen` resolves with look like. */
  readonly canonical: RegExp;
  readonly malformed: readonly string[];
  /** Good endpoints of another network. */
  readonly foreign: readonly string[];
  /** Whether a peer that is cut off gets an ECONNRESET. */
  readonly resets: boolean;
  /** What can be where nobody listens, and the code that `connect` then rejects with. */
  readonly nobody: Readonly<Record<string, TransportErrorCode>>;
  /** Makes a place for the addresses of one test. */
  open(): Promise<ContractPlace>;
}

/** Where the addresses of one test are. */
export interface ContractPlace {
  /** A transport that is to listen on an address of its own. */
  create(options?: SocketTransportOptions): Transport<Socket>;
  /** A transport that is to listen on exactly this endpoint. */
  createAt(endpoint: string, options?: SocketTransportOptions): Transport<Socket>;
  /** How Node itself connects to an endpoint. */
  netOptions(endpoint: string): NetConnectOpts;
  /** An endpoint where nobody listens, and somebody can begin to; what is there is one of the variant's. */
  nobody(what: string): Promise<string>;
  /** What the transports of `create` have left behind in the file system. */
  leftovers(): Promise<string[]>;
  close(): Promise<void>;
}

/** How long a call may take that is to be immediate, on a machine with other things to do. */
const PROMPT_MS = 5000;
/** A limit that is not to be reached: longer than a test may take. */
const NEVER_MS = 60_000;
/** Longer than a listen or a connect takes, in turns of the event loop. */
const TURNS = 30;
/** More than all buffers between two ends hold. */
const large = randomBytes(16 * 2 ** 20);
const half = large.subarray(0, 8 * 2 ** 20);

/** The contract of DESIGN.md, requirement by requirement. The name is that of the variant in variants.ts. */
export function describeContract(name: string, variant: ContractVariant): void {
  describe(`${name}: contract`, () => {
    let bench: Bench;
    /** Somebody else's listener that neither lets anybody in nor turns anybody away. */
    let busy: BusyListener;
    let childDirectory: string;
    const absences = Object.entries(variant.nobody);
    const [someAbsence = ''] = Object.keys(variant.nobody);

    beforeAll(async () => {
      childDirectory = await freshDirectory();
      busy = await BusyListener.start(name, childEnv(), variant);
    });
    afterAll(async () => {
      await busy.end();
      await removeDirectory(childDirectory);
    });
    beforeEach(async () => {
      bench = new Bench(await variant.open());
    });
    afterEach(async () => {
      await bench.end();
    });

    function childEnv(): NodeJS.ProcessEnv {
      return { TMPDIR: childDirectory, XDG_RUNTIME_DIR: childDirectory };
    }

    /** Runs the action, waits until no descriptor is open that was not before, and expects no files. */
    async function leavesNothing(action: () => Promise<void>): Promise<void> {
      const before = openDescriptors();
      await action();
      await until(() => descriptorsSince(before).length === 0).catch(() => undefined);
      const left = { descriptors: descriptorsSince(before), files: await bench.leftovers() };
      expect(left).toEqual({ descriptors: [], files: [] });
    }

    /** A listener that echoes, and its endpoint. */
    async function echoServer(): Promise<{ listener: Transport<Socket>; endpoint: string }> {
      const listener = bench.create();
      return { listener, endpoint: await listener.listen({ onConnection: echo }) };
    }

    async function canConnect(endpoint: string): Promise<boolean> {
      return bench.dial(endpoint).then(
        (socket) => {
          socket.destroy();
          return true;
        },
        () => false,
      );
    }

    describe('listen', () => {
      it('L1 resolves with a canonical endpoint', async () => {
        expect(await bench.create().listen()).toMatch(variant.canonical);
      });

      it('L1 the endpoint is also that of the transport', async () => {
        const transport = bench.create();
        expect(await transport.listen()).toBe(transport.endpoint);
      });

      it('L1 there is no endpoint before the address accepts connections', async () => {
        const transport = bench.create();
        const listening = transport.listen();
        expect(transport.endpoint).toBeUndefined();
        await listening;
      });

      it('L1 the address accepts connections at once', async () => {
        const endpoint = await bench.create().listen();
        expect(await canConnect(endpoint)).toBe(true);
      });

      it('L1 the network is the go-plugin name', () => {
        expect(bench.create().network).toBe(variant.network);
      });

      it('L2 the endpoint leads another instance there', async () => {
        const { endpoint } = await echoServer();
        expect(await echoes(await bench.create().connect(endpoint))).toBe(true);
      });

      it('L2 the endpoint leads the listening instance itself there', async () => {
        const { listener, endpoint } = await echoServer();
        expect(await echoes(await listener.connect(endpoint))).toBe(true);
      });

      it('L2 the endpoint leads another process there', async () => {
        const { endpoint } = await echoServer();
        const child = startChild('contract-child.ts', ['client', name, endpoint], childEnv());
        expect(await child.exited).toEqual({ status: 0, stdout: 'echoed\n', stderr: '' });
      });

      it('L3 each connection reaches the handler exactly once', async () => {
        const accepted = new Accepted();
        const endpoint = await bench.create().listen(accepted);
        const dialer = bench.create();
        const peers = await Promise.all(Array.from({ length: 20 }, () => dialer.connect(endpoint)));
        peers.forEach((peer, i) => peer.end(`peer ${i}`));
        await accepted.at(peers.length - 1);
        const messages = await Promise.all(accepted.connections.map(async (far) => (await buffer(far)).toString()));
        expect(messages.sort()).toEqual(peers.map((_, i) => `peer ${i}`).sort());
      });

      it('L3 a connection reaches the handler synchronously, in the turn in which it is accepted', async () => {
        const order: string[] = [];
        const onAccept = (): void => {
          order.push('accepted');
          queueMicrotask(() => order.push('later'));
        };
        subscribe('rpcplugin:transport:accept', onAccept);
        try {
          const endpoint = await bench.create().listen({
            onConnection: () => {
              order.push('handled');
            },
          });
          await bench.dial(endpoint);
          await until(() => order.length === 3);
        } finally {
          unsubscribe('rpcplugin:transport:accept', onAccept);
        }
        expect(order).toEqual(['accepted', 'handled', 'later']);
      });

      it('L3 a connection does not flow yet when it reaches the handler', async () => {
        const flowing: (boolean | null)[] = [];
        const endpoint = await bench.create().listen({
          onConnection: (connection) => {
            flowing.push(connection.readableFlowing);
          },
        });
        await bench.dial(endpoint);
        await until(() => flowing.length === 1);
        expect(flowing).not.toContain(true);
      });

      it('L3 nothing of what came early is lost to a handler that listens late', async () => {
        const accepted = new Accepted();
        const endpoint = await bench.create().listen(accepted);
        const early = randomBytes(2 ** 18);
        const peer = await bench.dial(endpoint);
        peer.end(early);
        const connection = await accepted.at(0);
        await until(() => connection.bytesRead > 0);
        await turns(TURNS);
        expect(early.equals(await buffer(connection))).toBe(true);
      });

      it.each([false, true])('L3 without a handler input is discarded (allowHalfOpen: %s)', async (allowHalfOpen) => {
        const endpoint = await bench.create().listen({ allowHalfOpen });
        const peer = await bench.dial(endpoint);
        await new Promise((resolve) => peer.write(large, resolve));
        expect(peer.readyState).toBe('open');
      });

      it.each([false, true])(
        'L3 without a handler a connection ends with its peer (allowHalfOpen: %s)',
        async (allowHalfOpen) => {
          const endpoint = await bench.create().listen({ allowHalfOpen });
          const peer = await bench.dial(endpoint);
          peer.end('some input');
          expect(await buffer(peer)).toHaveLength(0);
        },
      );

      it('L4 a second listen rejects ALREADY_LISTENING', async () => {
        const { listener } = await echoServer();
        expect(await rejectionOf(listener.listen())).toMatchObject({ code: 'ALREADY_LISTENING' });
      });

      it('L4 a second listen rejects ALREADY_LISTENING while the first is pending', async () => {
        const listener = bench.create();
        const first = listener.listen();
        const second = rejectionOf(listener.listen());
        await first;
        expect(await second).toMatchObject({ code: 'ALREADY_LISTENING' });
      });

      it('L4 a second listen leaves the first undisturbed', async () => {
        const { listener, endpoint } = await echoServer();
        const before = await bench.dial(endpoint);
        await rejectionOf(listener.listen({ onConnection: (connection) => void connection.destroy() }));
        expect(await echoes(before)).toBe(true);
        expect(await echoes(await bench.dial(endpoint))).toBe(true);
      });

      it('L4 a second listen leaves the endpoint as it is', async () => {
        const { listener, endpoint } = await echoServer();
        await rejectionOf(listener.listen());
        expect(listener.endpoint).toBe(endpoint);
      });

      it('L5 an address in use rejects ADDRESS_IN_USE', async () => {
        const { endpoint } = await echoServer();
        expect(await rejectionOf(bench.createAt(endpoint).listen())).toMatchObject({ code: 'ADDRESS_IN_USE' });
      });

      it('L5 the holder of an address in use keeps its name', async () => {
        const { endpoint } = await echoServer();
        const rival = bench.createAt(endpoint);
        await rejectionOf(rival.listen());
        await rival.close();
        expect(await echoes(await bench.dial(endpoint))).toBe(true);
      });

      it('L5 the holder of an address in use keeps its connections', async () => {
        const { endpoint } = await echoServer();
        const before = await bench.dial(endpoint);
        const rival = bench.createAt(endpoint);
        await rejectionOf(rival.listen());
        await rival.close();
        expect(await echoes(before)).toBe(true);
      });

      it('L5 an address whose holder is too busy to answer is in use', async () => {
        const error = await rejectionOf(bench.createAt(busy.endpoint).listen());
        expect(error).toMatchObject({ code: 'ADDRESS_IN_USE' });
      });

      it('L5 of many that want one address at the same time one gets it', async () => {
        const endpoint = await bench.nobody(someAbsence);
        const outcomes = await Promise.allSettled(
          Array.from({ length: 8 }, () => bench.createAt(endpoint).listen({ onConnection: echo })),
        );
        expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
        expect(await echoes(await bench.dial(endpoint))).toBe(true);
      });

      it('L5 a listen that found its address in use leaves nothing', async () => {
        const { endpoint } = await echoServer();
        const files = await bench.leftovers();
        const before = openDescriptors();
        await rejectionOf(bench.createAt(endpoint).listen());
        // The end of a probe that it may have made.
        await until(() => descriptorsSince(before).length === 0);
        expect(await bench.leftovers()).toEqual(files);
      });

      it('L6 a signal aborted beforehand rejects ABORTED', async () => {
        const error = await rejectionOf(bench.create().listen({ signal: AbortSignal.abort() }));
        expect(error).toMatchObject({ code: 'ABORTED' });
      });

      it('L6 a signal aborted beforehand binds nothing', async () => {
        await leavesNothing(async () => {
          await rejectionOf(bench.create().listen({ signal: AbortSignal.abort() }));
        });
      });

      it('L6 an abort while it is pending rejects ABORTED with its reason as the cause', async () => {
        const controller = new AbortController();
        const listening = rejectionOf(bench.create().listen({ signal: controller.signal }));
        const reason = new Error('changed my mind');
        controller.abort(reason);
        expect(await listening).toMatchObject({ code: 'ABORTED', cause: reason });
      });

      it('L6 an abort at any moment leaves a listener or nothing', async () => {
        await leavesNothing(async () => {
          for (let turn = 0; turn < TURNS; turn++) {
            const controller = new AbortController();
            const transport = bench.create();
            const listening = transport.listen({ signal: controller.signal });
            const outcome = listening.then(canConnect, (error: unknown) => (error as TransportError).code);
            await turns(turn);
            controller.abort();
            expect([true, 'ABORTED']).toContain(await outcome);
            if ((await outcome) === true) await transport.close();
            else expect(await bench.leftovers()).toEqual([]);
          }
        });
      });

      it('L6 after an aborted listen the transport can listen', async () => {
        const transport = bench.create();
        const controller = new AbortController();
        const aborted = rejectionOf(transport.listen({ signal: controller.signal }));
        controller.abort();
        await aborted;
        expect(await canConnect(await transport.listen())).toBe(true);
      });

      it('L6 a close at any moment leaves nothing', async () => {
        await leavesNothing(async () => {
          for (let turn = 0; turn < TURNS; turn++) {
            const transport = bench.create();
            const outcome = transport.listen().then(
              () => 'listening',
              (error: unknown) => (error as TransportError).code,
            );
            await turns(turn);
            await transport.close();
            expect(['listening', 'CLOSED']).toContain(await outcome);
          }
        });
      });

      it('L6 once it has resolved the signal does nothing', async () => {
        const controller = new AbortController();
        const endpoint = await bench.create().listen({ onConnection: echo, signal: controller.signal });
        controller.abort();
        expect(await echoes(await bench.dial(endpoint))).toBe(true);
      });

      it('L6 once it has settled nothing listens to the signal', async () => {
        const { signal } = new AbortController();
        const { endpoint } = await echoServer();
        await bench.create().listen({ signal });
        await rejectionOf(bench.createAt(endpoint).listen({ signal }));
        expect(getEventListeners(signal, 'abort')).toEqual([]);
      });

      const failingHandlers: Record<string, () => void | Promise<void>> = {
        'a handler that throws': () => {
          throw new Error('from the handler');
        },
        'a handler that throws undefined': () => {
          const nothing: unknown = undefined;
          throw nothing;
        },
        'a handler that rejects': () => Promise.reject(new Error('from the handler')),
        // Of another realm, so that it is no instance of this one's Promise.
        'a handler whose promise is foreign and rejects': () =>
          runInNewContext("Promise.reject(new Error('from the handler'))") as Promise<void>,
        'a handler that rejects later': async () => {
          await turns(2);
          throw new Error('from the handler');
        },
      };

      /** A listener whose handler fails for the second connection, and echoes for all others. */
      async function listenFailingOnSecond(fail: () => void | Promise<void>): Promise<string> {
        let count = 0;
        return bench.create().listen({
          onConnection: (connection) => {
            if (++count === 2) return fail();
            echo(connection);
          },
        });
      }

      it.each(Object.entries(failingHandlers))('L7 %s costs its own connection', async (_, fail) => {
        const endpoint = await listenFailingOnSecond(fail);
        await echoes(await bench.dial(endpoint));
        const peer = await bench.dialStubborn(endpoint);
        expect(await ending(peer.on('end', () => peer.end()))).toBe('closed');
      });

      it.each(Object.entries(failingHandlers))('L7 %s costs no other connection', async (_, fail) => {
        const endpoint = await listenFailingOnSecond(fail);
        const before = await bench.dial(endpoint);
        await echoes(before);
        const failed = await bench.dial(endpoint);
        await ending(failed.resume());
        expect(await echoes(before)).toBe(true);
        expect(await echoes(await bench.dial(endpoint))).toBe(true);
      });

      it('L7 a handler that rejects after its connection has gone costs nothing', async () => {
        let failed = false;
        const endpoint = await bench.create().listen({
          onConnection: async (connection) => {
            await once(connection.resume(), 'close');
            failed = true;
            throw new Error('from the handler');
          },
        });
        const peer = await bench.dial(endpoint);
        peer.end();
        await until(() => failed);
        expect(await canConnect(endpoint)).toBe(true);
      });

      it('L7 a handler that returns something else than a promise costs nothing', async () => {
        // `echo` returns a stream.
        const { endpoint } = await echoServer();
        expect(await echoes(await bench.dial(endpoint))).toBe(true);
      });
    });

    describe('connect', () => {
      it('C1 resolves with a connected socket', async () => {
        const { near } = await bench.pair();
        expect(near).toBeInstanceOf(Socket);
        expect(near.readyState).toBe('open');
      });

      it('C1 bytes flow both ways', async () => {
        const { near, far } = await bench.pair();
        expect(await connected(near, far)).toBe(true);
      });

      it('C1 the connection does not flow yet', async () => {
        const { near } = await bench.pair();
        expect(near.readableFlowing).not.toBe(true);
      });

      it.each(['near', 'far'] as const)('C1 a reader that is slow holds up the writer (%s writes)', async (side) => {
        const { endpoint } = await echoServer();
        const other = await bench.dial(endpoint);
        const pair = await bench.pair();
        const [writer, reader] = side === 'near' ? [pair.near, pair.far] : [pair.far, pair.near];
        let flushed = false;
        writer.write(large, () => {
          flushed = true;
        });
        // Meanwhile all of it could have arrived many times over.
        for (let i = 0; i < 50; i++) await echoes(other);
        expect({ flushed, buffered: reader.readableLength < 2 ** 20 }).toEqual({ flushed: false, buffered: true });
      });

      it.each(['near', 'far'] as const)('C1 all that was held up arrives in the end (%s writes)', async (side) => {
        const pair = await bench.pair();
        const [writer, reader] = side === 'near' ? [pair.near, pair.far] : [pair.far, pair.near];
        if (!writer.write(large)) await until(() => reader.readableLength > 0);
        await turns(TURNS);
        expect(large.equals(await receive(reader, large.length))).toBe(true);
      });

      it('C1 without allowHalfOpen the connection ends when its peer does', async () => {
        const { near, far } = await bench.pair();
        far.end();
        expect(await ending(near.resume())).toBe('closed');
      });

      it('C1 with allowHalfOpen the connection stays writable when its peer has ended', async () => {
        const { near, far } = await bench.pair({ connect: { allowHalfOpen: true } });
        far.end('the question');
        expect((await receiveAll(near)).toString()).toBe('the question');
        near.end('the answer');
        expect((await receiveAll(far)).toString()).toBe('the answer');
      });

      it('C1 without allowHalfOpen an accepted connection ends when its peer does', async () => {
        const { near, far } = await bench.pair({ connect: { allowHalfOpen: true } });
        near.end();
        expect(await ending(far.resume())).toBe('closed');
      });

      it('C1 with allowHalfOpen an accepted connection stays writable when its peer has ended', async () => {
        const { near, far } = await bench.pair({ listen: { allowHalfOpen: true } });
        near.end('the question');
        expect((await receiveAll(far)).toString()).toBe('the question');
        far.end('the answer');
        expect((await receiveAll(near)).toString()).toBe('the answer');
      });

      it('C1 the endpoint is that of the last connect', async () => {
        const first = await echoServer();
        const second = await echoServer();
        const dialer = bench.create();
        await dialer.connect(first.endpoint);
        await dialer.connect(second.endpoint);
        expect(dialer.endpoint).toBe(second.endpoint);
      });

      it('C1 the endpoint of a listener is its own, whatever it connects to', async () => {
        const { listener, endpoint } = await echoServer();
        await listener.connect((await echoServer()).endpoint);
        expect(listener.endpoint).toBe(endpoint);
      });

      it.each(variant.malformed)('C2 %j is malformed and rejects INVALID_ENDPOINT', async (endpoint) => {
        expect(await rejectionOf(bench.create().connect(endpoint))).toMatchObject({ code: 'INVALID_ENDPOINT' });
      });

      it.each(variant.foreign)('C2 %j is of another network and rejects INVALID_ENDPOINT', async (endpoint) => {
        expect(await rejectionOf(bench.create().connect(endpoint))).toMatchObject({ code: 'INVALID_ENDPOINT' });
      });

      it.each([...variant.malformed, ...variant.foreign])('C2 %j is rejected before any I/O', async (endpoint) => {
        expect(await settlesWithoutIO(bench.create().connect(endpoint, { waitMs: NEVER_MS }))).toBe(true);
      });

      it.each(absences)('C3 %s rejects %s', async (what, code) => {
        const endpoint = await bench.nobody(what);
        expect(await rejectionOf(bench.create().connect(endpoint, { waitMs: 0 }))).toMatchObject({ code });
      });

      it.each(absences)('C3 %s is named by the error', async (what) => {
        const endpoint = await bench.nobody(what);
        const error = await rejectionOf(bench.create().connect(endpoint, { waitMs: 0 }));
        expect(error).toMatchObject({ endpoint, message: expect.stringContaining(endpoint) as string });
      });

      it.each(absences)('C3 %s is waited for as long as waitMs says', async (what, code) => {
        const endpoint = await bench.nobody(what);
        const start = performance.now();
        expect(await rejectionOf(bench.create().connect(endpoint, { waitMs: 80 }))).toMatchObject({ code });
        // A timer may be early by what is left of a millisecond.
        expect(performance.now() - start).toBeGreaterThan(78);
      });

      it.each(absences)('C3 %s is waited for no longer than waitMs says', async (what) => {
        const endpoint = await bench.nobody(what);
        const start = performance.now();
        await rejectionOf(bench.create().connect(endpoint, { waitMs: 50, timeoutMs: NEVER_MS }));
        expect(performance.now() - start).toBeLessThan(50 + PROMPT_MS);
      });

      it('C3 an endpoint that was given up has nobody', async () => {
        const { listener, endpoint } = await echoServer();
        await listener.close();
        const error = await rejectionOf(bench.create().connect(endpoint, { waitMs: 0 }));
        expect(['NOT_FOUND', 'CONNECTION_REFUSED']).toContain((error as TransportError).code);
      });

      it('C4 a listener that does not answer rejects TIMEOUT', async () => {
        const error = await rejectionOf(bench.create().connect(busy.endpoint, { timeoutMs: 50 }));
        expect(error).toMatchObject({ code: 'TIMEOUT', endpoint: busy.endpoint });
      });

      it('C4 an endpoint that does not appear rejects TIMEOUT when waitMs is longer', async () => {
        const endpoint = await bench.nobody(someAbsence);
        const error = await rejectionOf(bench.create().connect(endpoint, { waitMs: NEVER_MS, timeoutMs: 50 }));
        expect(error).toMatchObject({ code: 'TIMEOUT', endpoint });
      });

      it('C4 timeoutMs is kept', async () => {
        const start = performance.now();
        await rejectionOf(bench.create().connect(busy.endpoint, { timeoutMs: 150 }));
        const elapsed = performance.now() - start;
        expect(elapsed).toBeGreaterThan(148);
        expect(elapsed).toBeLessThan(150 + PROMPT_MS);
      });

      it('C4 a time-out leaves no socket behind', async () => {
        await leavesNothing(async () => {
          await rejectionOf(bench.create().connect(busy.endpoint, { timeoutMs: 50 }));
        });
      });

      it('C4 a time limit that was not reached does nothing', async () => {
        const { near, far } = await bench.pair({ connect: { timeoutMs: 500 } });
        const start = performance.now();
        await until(() => performance.now() - start > 550);
        expect(await connected(near, far)).toBe(true);
      });

      it('C5 a signal aborted beforehand rejects ABORTED with its reason as the cause', async () => {
        const { endpoint } = await echoServer();
        const reason = new Error('changed my mind');
        const error = await rejectionOf(bench.create().connect(endpoint, { signal: AbortSignal.abort(reason) }));
        expect(error).toMatchObject({ code: 'ABORTED', cause: reason });
      });

      it('C5 a signal aborted beforehand means no I/O', async () => {
        const { endpoint } = await echoServer();
        const connecting = bench.create().connect(endpoint, { signal: AbortSignal.abort() });
        expect(await settlesWithoutIO(connecting)).toBe(true);
      });

      it('C5 a signal aborted beforehand reaches nobody', async () => {
        const accepted = new Accepted();
        const endpoint = await bench.create().listen(accepted);
        const dialer = bench.create();
        await rejectionOf(dialer.connect(endpoint, { signal: AbortSignal.abort() }));
        await dialer.connect(endpoint);
        await accepted.at(0);
        await turns(TURNS);
        expect(accepted.connections).toHaveLength(1);
      });

      it('C5 an abort while a listener does not answer rejects ABORTED with its reason as the cause', async () => {
        const controller = new AbortController();
        const connecting = rejectionOf(bench.create().connect(busy.endpoint, { signal: controller.signal }));
        await turns(5);
        const reason = new Error('changed my mind');
        controller.abort(reason);
        expect(await connecting).toMatchObject({ code: 'ABORTED', cause: reason });
      });

      it('C5 an abort while an endpoint is waited for rejects ABORTED with its reason as the cause', async () => {
        const endpoint = await bench.nobody(someAbsence);
        const controller = new AbortController();
        const options = { signal: controller.signal, waitMs: NEVER_MS, timeoutMs: NEVER_MS };
        const connecting = rejectionOf(bench.create().connect(endpoint, options));
        await turns(5);
        const reason = new Error('changed my mind');
        controller.abort(reason);
        expect(await connecting).toMatchObject({ code: 'ABORTED', cause: reason });
      });

      it('C5 the reason of a signal that timed out is the cause, and the code ABORTED', async () => {
        const signal = AbortSignal.timeout(20);
        const error = await rejectionOf(bench.create().connect(busy.endpoint, { signal }));
        expect(error).toMatchObject({ code: 'ABORTED', cause: signal.reason as unknown });
      });

      it('C5 an abort leaves no socket behind', async () => {
        await leavesNothing(async () => {
          const controller = new AbortController();
          const connecting = rejectionOf(bench.create().connect(busy.endpoint, { signal: controller.signal }));
          await turns(5);
          controller.abort();
          await connecting;
        });
      });

      it('C5 an abort at any moment leaves a connection or nothing', async () => {
        const { listener, endpoint } = await echoServer();
        await leavesNothingBeside(listener, async () => {
          for (let turn = 0; turn < TURNS; turn++) {
            const controller = new AbortController();
            const dialer = bench.create();
            const connecting = dialer.connect(endpoint, { signal: controller.signal });
            const outcome = connecting.then(echoes, (error: unknown) => (error as TransportError).code);
            await turns(turn);
            controller.abort();
            expect([true, 'ABORTED']).toContain(await outcome);
            await dialer.close();
          }
        });
      });

      /** As `leavesNothing`, while a listener goes on and has its files. */
      async function leavesNothingBeside(listener: Transport<Socket>, action: () => Promise<void>): Promise<void> {
        const before = openDescriptors();
        await action();
        await until(() => descriptorsSince(before).length === 0);
        expect(listener.endpoint).toBeDefined();
      }

      it('C5 an abort after it has resolved does nothing', async () => {
        const controller = new AbortController();
        const { near, far } = await bench.pair({ connect: { signal: controller.signal } });
        controller.abort();
        expect(await connected(near, far)).toBe(true);
      });

      it('C5 once it has settled nothing listens to the signal', async () => {
        const { signal } = new AbortController();
        const { dialer } = await bench.pair({ connect: { signal } });
        await rejectionOf(dialer.connect(await bench.nobody(someAbsence), { signal, waitMs: 0 }));
        expect(getEventListeners(signal, 'abort')).toEqual([]);
      });

      it('C6 a burst of connects beyond the backlog all succeed', async () => {
        const listener = bench.create({ backlog: 1 });
        const endpoint = await listener.listen();
        const dialer = bench.create();
        const outcomes = await Promise.allSettled(
          Array.from({ length: 600 }, () => dialer.connect(endpoint, { timeoutMs: 20_000 })),
        );
        expect(outcomes.filter(({ status }) => status === 'rejected')).toEqual([]);
      });

      it.each(absences)('C7 %s that becomes a listener within waitMs is reached at once', async (what) => {
        const endpoint = await bench.nobody(what);
        const connecting = bench.create().connect(endpoint, { waitMs: NEVER_MS, timeoutMs: NEVER_MS });
        // By the time that this has failed, so has the first attempt.
        expect(await canConnect(endpoint)).toBe(false);
        await turns(TURNS);
        await bench.createAt(endpoint).listen({ onConnection: echo });
        const appeared = performance.now();
        const connection = await connecting;
        expect(performance.now() - appeared).toBeLessThan(250);
        expect(await echoes(connection)).toBe(true);
      });

      it('C7 an endpoint whose listener is replaced is reached again', async () => {
        const { listener, endpoint } = await echoServer();
        await listener.close();
        const connecting = bench.create().connect(endpoint, { waitMs: NEVER_MS, timeoutMs: NEVER_MS });
        await bench.createAt(endpoint).listen({ onConnection: echo });
        expect(await echoes(await connecting)).toBe(true);
      });
    });

    describe('close', () => {
      it('X1 can be called again', async () => {
        const { listener } = await bench.pair();
        await listener.close();
        await expect(listener.close()).resolves.toBeUndefined();
      });

      it('X1 a transport that was never used can be closed', async () => {
        await expect(bench.create().close()).resolves.toBeUndefined();
      });

      it('X1 can be called from inside the handler', async () => {
        const listener = bench.create();
        const closing = new Promise<void>((resolve, reject) => {
          const onConnection = (): Promise<void> => listener.close().then(resolve, reject);
          listener
            .listen({ onConnection })
            .then((endpoint) => bench.dial(endpoint).then((peer) => peer.resume()), reject);
        });
        await expect(closing).resolves.toBeUndefined();
        expect(listener.endpoint).toBeUndefined();
      });

      it('X1 can be called after a listen that failed', async () => {
        const { endpoint } = await echoServer();
        const listener = bench.createAt(endpoint);
        await rejectionOf(listener.listen());
        await expect(listener.close()).resolves.toBeUndefined();
        expect(await echoes(await bench.dial(endpoint))).toBe(true);
      });

      /** A listener with a connection that its peer does not end, and how its calls of close end, in order. */
      async function stubbornPair(): Promise<{ listener: Transport<Socket>; far: Socket }> {
        const accepted = new Accepted();
        const listener = bench.create();
        await bench.dialStubborn(await listener.listen(accepted));
        return { listener, far: await accepted.at(0) };
      }

      it('X1 concurrent callers all wait until the last connection has ended', async () => {
        const { listener, far } = await stubbornPair();
        let closed = false;
        far.once('close', () => {
          closed = true;
        });
        const outcomes = [0, 1, 2].map(() => listener.close({ graceMs: 100 }).then(() => closed));
        expect(await Promise.all(outcomes)).toEqual([true, true, true]);
      });

      it('X1 a later caller can shorten the grace', async () => {
        const { listener } = await stubbornPair();
        const first = listener.close({ graceMs: NEVER_MS });
        const start = performance.now();
        await Promise.all([first, listener.close({ graceMs: 50 })]);
        expect(performance.now() - start).toBeLessThan(50 + PROMPT_MS);
      });

      it('X1 a later caller can shorten an endless grace', async () => {
        const { listener } = await stubbornPair();
        const first = listener.close({ graceMs: Infinity });
        await turns(5);
        await Promise.all([first, listener.close({ graceMs: 0 })]);
        expect(listener.endpoint).toBeUndefined();
      });

      it('X1 a later caller can not lengthen the grace', async () => {
        const { listener } = await stubbornPair();
        const first = listener.close({ graceMs: 50 });
        const start = performance.now();
        await Promise.all([first, listener.close({ graceMs: NEVER_MS }), listener.close()]);
        expect(performance.now() - start).toBeLessThan(50 + PROMPT_MS);
      });

      it('X1 a close with an option that can not be used rejects and closes nothing', async () => {
        const { listener, endpoint } = await echoServer();
        expect(await rejectionOf(listener.close({ graceMs: -1 }))).toMatchObject({ code: 'INVALID_ARGUMENT' });
        expect(await echoes(await bench.dial(endpoint))).toBe(true);
      });

      it('X2 the address is given up', async () => {
        const { listener, endpoint } = await echoServer();
        await listener.close();
        expect(await canConnect(endpoint)).toBe(false);
      });

      it('X2 the address is given up while connections have still to end', async () => {
        const { listener, far } = await stubbornPair();
        const endpoint = listener.endpoint ?? '';
        const closing = listener.close({ graceMs: NEVER_MS });
        await until(async () => !(await canConnect(endpoint)));
        const successor = bench.createAt(endpoint);
        await successor.listen({ onConnection: echo });
        expect(far.destroyed).toBe(false);
        expect(await echoes(await bench.dial(endpoint))).toBe(true);
        await Promise.all([closing, listener.close({ graceMs: 0 })]);
        expect(await echoes(await bench.dial(endpoint))).toBe(true);
      });

      it('X2 what was written before arrives at a peer that reads slowly', async () => {
        const accepted = new Accepted();
        const listener = bench.create();
        const peer = await bench.dial(await listener.listen(accepted));
        (await accepted.at(0)).write(half);
        const closing = listener.close({ graceMs: NEVER_MS });
        await turns(TURNS);
        const chunks: Buffer[] = [];
        for await (const chunk of peer as AsyncIterable<Buffer>) {
          chunks.push(chunk);
          await turns(2);
        }
        await closing;
        expect(half.equals(Buffer.concat(chunks))).toBe(true);
      });

      it('X2 what was written to a connection of connect arrives at a peer that reads slowly', async () => {
        const { dialer, near, far } = await bench.pair();
        near.write(half);
        const closing = dialer.close({ graceMs: NEVER_MS });
        await turns(TURNS);
        const received = await buffer(far);
        await closing;
        expect(half.equals(received)).toBe(true);
      });

      it('X2 what was written arrives though there is unread input', async () => {
        const accepted = new Accepted();
        const listener = bench.create();
        const peer = await bench.dial(await listener.listen(accepted));
        const connection = await accepted.at(0);
        peer.write(large);
        await until(() => connection.readableLength > 0);
        connection.write(half);
        const closing = listener.close({ graceMs: NEVER_MS });
        const received = await buffer(peer);
        await closing;
        expect(half.equals(received)).toBe(true);
      });

      it('X2 unread input is discarded, and its sender not reset', async () => {
        const accepted = new Accepted();
        const listener = bench.create();
        const peer = await bench.dial(await listener.listen(accepted));
        const connection = await accepted.at(0);
        peer.write(large);
        await until(() => connection.readableLength > 0);
        const ended = ending(peer.resume());
        await listener.close({ graceMs: NEVER_MS });
        expect(await ended).toBe('closed');
      });

      it('X2 unread input is discarded though somebody listens for it to be readable', async () => {
        const accepted = new Accepted();
        const listener = bench.create();
        const peer = await bench.dial(await listener.listen(accepted));
        const connection = await accepted.at(0);
        connection.on('readable', () => undefined);
        peer.write(large);
        await until(() => connection.readableLength > 0);
        const ended = ending(peer.resume());
        await listener.close({ graceMs: NEVER_MS });
        expect(await ended).toBe('closed');
      });

      it('X2 connections of connect are ended', async () => {
        const { dialer, far } = await bench.pair();
        const ended = ending(far.resume());
        await dialer.close({ graceMs: NEVER_MS });
        expect(await ended).toBe('closed');
      });

      it('X2 all connections have ended when it resolves', async () => {
        const accepted = new Accepted();
        const listener = bench.create();
        const endpoint = await listener.listen(accepted);
        for (let i = 0; i < 5; i++) (await bench.dial(endpoint)).resume();
        await accepted.at(4);
        await listener.close({ graceMs: NEVER_MS });
        expect(accepted.connections.map(({ destroyed }) => destroyed)).toEqual(Array(5).fill(true));
      });

      it('X2 a peer that does not end has until graceMs', async () => {
        const { listener } = await stubbornPair();
        const start = performance.now();
        await listener.close({ graceMs: 150 });
        expect(performance.now() - start).toBeGreaterThan(148);
      });

      it('X2 a peer that does not end is cut off at graceMs', async () => {
        const { listener, far } = await stubbornPair();
        const start = performance.now();
        await listener.close({ graceMs: 50 });
        expect(far.destroyed).toBe(true);
        expect(performance.now() - start).toBeLessThan(50 + PROMPT_MS);
      });

      it('X2 a peer that does not read is cut off at graceMs', async () => {
        const accepted = new Accepted();
        const listener = bench.create();
        await bench.dial(await listener.listen(accepted));
        const far = await accepted.at(0);
        far.write(large);
        await listener.close({ graceMs: 50 });
        expect(far.destroyed).toBe(true);
      });

      it(`X2 a peer that is cut off before it got everything ${variant.resets ? 'is reset' : 'is ended'}`, async () => {
        const accepted = new Accepted();
        const listener = bench.create();
        const peer = await bench.dial(await listener.listen(accepted));
        (await accepted.at(0)).write(large);
        await listener.close({ graceMs: 20 });
        const ended = ending(peer);
        // By reading alone it would not know: libuv makes a reset that comes with unread input an end.
        peer.write('more');
        expect(await ended).toBe(variant.resets ? 'ECONNRESET' : 'EPIPE');
      });

      it('X2 a peer that is cut off can not write any more', async () => {
        const accepted = new Accepted();
        const listener = bench.create();
        const peer = await bench.dialStubborn(await listener.listen(accepted));
        await accepted.at(0);
        await listener.close({ graceMs: 20 });
        const ended = ending(peer);
        peer.write('more');
        expect(await ended).toBe('EPIPE');
      });

      it('X2 with graceMs 0 connections are cut off at once', async () => {
        const { listener, far } = await stubbornPair();
        const start = performance.now();
        await listener.close({ graceMs: 0 });
        expect(far.destroyed).toBe(true);
        expect(performance.now() - start).toBeLessThan(PROMPT_MS);
      });

      it.each(['listener', 'dialer'] as const)(
        'X2 a grace that is over at once ends a close all the same (%s)',
        async (side) => {
          const pair = await bench.pair();
          await turns(1);
          const closing = pair[side].close({ graceMs: 0 });
          // By now it has begun to end the connection. The grace is over before the event loop comes to it.
          await new Promise<void>((resolve) => {
            process.nextTick(resolve);
          });
          const start = performance.now();
          while (performance.now() - start < 5);
          await closing;
          expect([pair.near, pair.far].some(({ destroyed }) => destroyed)).toBe(true);
        },
      );

      it('X3 nothing is left of a listener and its connections', async () => {
        await leavesNothing(async () => {
          const { listener, dialer, near, far } = await bench.pair();
          await connected(near, far);
          await Promise.all([listener.close(), dialer.close()]);
        });
      });

      it('X3 nothing is left of connections that were cut off', async () => {
        await leavesNothing(async () => {
          const accepted = new Accepted();
          const listener = bench.create();
          const peer = await bench.dialStubborn(await listener.listen(accepted));
          await accepted.at(0);
          await listener.close({ graceMs: 0 });
          peer.destroy();
        });
      });

      it('X3 nothing is left of failed connects', async () => {
        const endpoints = await Promise.all(Object.keys(variant.nobody).map((what) => bench.nobody(what)));
        await leavesNothing(async () => {
          const dialer = bench.create();
          for (const endpoint of endpoints) await rejectionOf(dialer.connect(endpoint, { waitMs: 20 }));
          await dialer.close();
        });
      });

      it('X3 nothing of it listens to the process any more', async () => {
        const listeners = (): number[] => process.eventNames().map((event) => process.listenerCount(event));
        const before = listeners();
        const { listener, dialer } = await bench.pair();
        await Promise.all([listener.close(), dialer.close()]);
        expect(listeners()).toEqual(before);
      });

      it('X3 a process whose transports have closed holds nothing any more and ends by itself', async () => {
        const child = startChild('contract-child.ts', ['lifecycle', name], childEnv());
        const nothing = { resources: [], files: [] };
        expect(await child.exited).toEqual({ status: 0, stdout: `${JSON.stringify(nothing)}\n`, stderr: '' });
      });

      it('X4 a pending listen rejects CLOSED', async () => {
        const transport = bench.create();
        const listening = rejectionOf(transport.listen());
        await transport.close();
        expect(await listening).toMatchObject({ code: 'CLOSED' });
      });

      it('X4 a connect to a listener that does not answer rejects CLOSED', async () => {
        const dialer = bench.create();
        const connecting = rejectionOf(dialer.connect(busy.endpoint, { timeoutMs: NEVER_MS }));
        await turns(5);
        await dialer.close();
        expect(await connecting).toMatchObject({ code: 'CLOSED' });
      });

      it('X4 a connect that waits for its endpoint rejects CLOSED', async () => {
        const dialer = bench.create();
        const endpoint = await bench.nobody(someAbsence);
        const connecting = rejectionOf(dialer.connect(endpoint, { waitMs: NEVER_MS, timeoutMs: NEVER_MS }));
        await turns(5);
        await dialer.close();
        expect(await connecting).toMatchObject({ code: 'CLOSED' });
      });

      it('X4 a connect that is pending at any moment rejects CLOSED or has its connection ended', async () => {
        const { listener, endpoint } = await echoServer();
        for (let turn = 0; turn < TURNS; turn++) {
          const dialer = bench.create();
          const outcome = dialer.connect(endpoint).then(
            (connection) => connection,
            (error: unknown) => (error as TransportError).code,
          );
          await turns(turn);
          await dialer.close();
          const connection = await outcome;
          expect(connection instanceof Socket ? connection.destroyed : connection === 'CLOSED').toBe(true);
        }
        await listener.close({ graceMs: NEVER_MS });
      });

      it('X4 what was pending leaves nothing', async () => {
        await leavesNothing(async () => {
          const transport = bench.create();
          const listening = rejectionOf(transport.listen());
          const connecting = rejectionOf(transport.connect(busy.endpoint, { timeoutMs: NEVER_MS }));
          await transport.close();
          await Promise.all([listening, connecting]);
        });
      });

      it.each(['pending', 'over'])('X4 listen rejects CLOSED while a close is %s', async (state) => {
        const { listener } = await stubbornPair();
        const closing = listener.close({ graceMs: 50 });
        if (state === 'over') await closing;
        expect(await rejectionOf(listener.listen())).toMatchObject({ code: 'CLOSED' });
        await closing;
      });

      it.each(['pending', 'over'])('X4 connect rejects CLOSED while a close is %s', async (state) => {
        const { endpoint } = await echoServer();
        const { listener } = await stubbornPair();
        const closing = listener.close({ graceMs: 50 });
        if (state === 'over') await closing;
        expect(await rejectionOf(listener.connect(endpoint))).toMatchObject({ code: 'CLOSED' });
        await closing;
      });

      it('X4 there is no endpoint any more', async () => {
        const { listener, dialer } = await bench.pair();
        await Promise.all([listener.close(), dialer.close()]);
        expect([listener.endpoint, dialer.endpoint]).toEqual([undefined, undefined]);
      });

      it('X5 await using closes', async () => {
        let endpoint: string;
        {
          await using transport = bench.create();
          endpoint = await transport.listen();
        }
        expect(await canConnect(endpoint)).toBe(false);
      });

      it('X5 await using closes when its block throws', async () => {
        const escaped: Transport<Socket>[] = [];
        const failing = async (): Promise<void> => {
          await using transport = bench.create();
          escaped.push(transport);
          await transport.listen();
          throw new Error('from the block');
        };
        expect(await rejectionOf(failing())).toMatchObject({ message: 'from the block' });
        expect(escaped.map(({ endpoint }) => endpoint)).toEqual([undefined]);
      });

      it('X5 stopListening can be called again, at the same time, and without a listener', async () => {
        const listener = bench.create();
        await listener.stopListening();
        await listener.listen();
        await Promise.all([listener.stopListening(), listener.stopListening()]);
        await listener.stopListening();
        await listener.close();
        await expect(listener.stopListening()).resolves.toBeUndefined();
      });

      it('X5 stopListening gives up the address', async () => {
        const { listener, endpoint } = await echoServer();
        await listener.stopListening();
        expect(await canConnect(endpoint)).toBe(false);
      });

      it('X5 stopListening frees the address for another listener at once', async () => {
        const { listener, endpoint } = await echoServer();
        await bench.dial(endpoint);
        await listener.stopListening();
        expect(await bench.createAt(endpoint).listen()).toBe(endpoint);
      });

      it('X5 whoever gets the address after stopListening keeps it', async () => {
        const { listener, endpoint } = await echoServer();
        await listener.stopListening();
        await bench.createAt(endpoint).listen({ onConnection: echo });
        await listener.close();
        expect(await echoes(await bench.dial(endpoint))).toBe(true);
      });

      it('X5 stopListening keeps connections', async () => {
        const { listener, near, far } = await bench.pair();
        await listener.stopListening();
        await turns(TURNS);
        expect(await connected(near, far)).toBe(true);
      });

      it('X5 connections kept by stopListening end with close', async () => {
        const { listener, near } = await bench.pair();
        await listener.stopListening();
        const ended = ending(near.resume());
        await listener.close({ graceMs: NEVER_MS });
        expect(await ended).toBe('closed');
      });

      it('X5 stopListening leaves nothing of an address', async () => {
        await leavesNothing(async () => {
          const transport = bench.create();
          await transport.listen();
          await transport.stopListening();
        });
      });

      it('X5 stopListening rejects a pending listen with CLOSED and leaves nothing', async () => {
        await leavesNothing(async () => {
          const transport = bench.create();
          const listening = rejectionOf(transport.listen());
          await transport.stopListening();
          expect(await listening).toMatchObject({ code: 'CLOSED' });
        });
      });
    });

    describe('errors', () => {
      interface Failure {
        error: unknown;
        /** What the error is to name, if an endpoint is known. */
        endpoint?: string;
        /** Whether the operating system said no. */
        system?: boolean;
        /** Whether nobody can do anything about it. */
        hopeless?: boolean;
      }

      /** One of each kind of rejection. */
      async function failures(): Promise<Record<string, Failure>> {
        const { listener, endpoint } = await echoServer();
        const closed = bench.create();
        await closed.close();
        const dialer = bench.create();
        const nobody = await bench.nobody(someAbsence);
        const [malformed = ''] = variant.malformed.filter((text) => text !== '');
        const [foreign = ''] = variant.foreign;
        return {
          'in use': { error: await rejectionOf(bench.createAt(endpoint).listen()), endpoint },
          'listening already': { error: await rejectionOf(listener.listen()), endpoint },
          nobody: { error: await rejectionOf(dialer.connect(nobody, { waitMs: 0 })), endpoint: nobody, system: true },
          'timed out': {
            error: await rejectionOf(dialer.connect(nobody, { waitMs: NEVER_MS, timeoutMs: 20 })),
            endpoint: nobody,
          },
          aborted: {
            error: await rejectionOf(dialer.connect(endpoint, { signal: AbortSignal.abort() })),
            endpoint,
            hopeless: true,
          },
          'aborted listen': {
            error: await rejectionOf(dialer.listen({ signal: AbortSignal.abort() })),
            hopeless: true,
          },
          malformed: { error: await rejectionOf(dialer.connect(malformed)), endpoint: malformed },
          foreign: { error: await rejectionOf(dialer.connect(foreign)), endpoint: foreign },
          'no string': { error: await rejectionOf(dialer.connect(5 as never)) },
          'closed for listen': { error: await rejectionOf(closed.listen()) },
          'closed for connect': { error: await rejectionOf(closed.connect(endpoint)) },
          'bad handler': { error: await rejectionOf(dialer.listen({ onConnection: 5 as never })) },
          'bad listen signal': { error: await rejectionOf(dialer.listen({ signal: 5 as never })) },
          'bad time limit': { error: await rejectionOf(dialer.connect(endpoint, { timeoutMs: NaN })) },
          'bad wait': { error: await rejectionOf(dialer.connect(endpoint, { waitMs: -1 })) },
          'bad grace': { error: await rejectionOf(dialer.close({ graceMs: -1 })) },
        };
      }

      async function namesOfFailures(those: (failure: Failure) => boolean): Promise<string[]> {
        return Object.entries(await failures())
          .filter(([, failure]) => those(failure))
          .map(([what]) => what);
      }

      const partOf = ({ error }: Failure): TransportError => error as TransportError;

      it('E1 every rejection is a TransportError', async () => {
        expect(await namesOfFailures(({ error }) => !TransportError.isInstance(error))).toEqual([]);
      });

      it('E1 every rejection has a code', async () => {
        const codes = Object.entries(await failures()).map(([what, failure]) => [what, partOf(failure).code]);
        expect(Object.fromEntries(codes)).toEqual({
          'in use': 'ADDRESS_IN_USE',
          'listening already': 'ALREADY_LISTENING',
          nobody: variant.nobody[someAbsence],
          'timed out': 'TIMEOUT',
          aborted: 'ABORTED',
          'aborted listen': 'ABORTED',
          malformed: 'INVALID_ENDPOINT',
          foreign: 'INVALID_ENDPOINT',
          'no string': 'INVALID_ENDPOINT',
          'closed for listen': 'CLOSED',
          'closed for connect': 'CLOSED',
          'bad handler': 'INVALID_ARGUMENT',
          'bad listen signal': 'INVALID_ARGUMENT',
          'bad time limit': 'INVALID_ARGUMENT',
          'bad wait': 'INVALID_ARGUMENT',
          'bad grace': 'INVALID_ARGUMENT',
        });
      });

      it('E1 every rejection says what went wrong', async () => {
        expect(await namesOfFailures((failure) => partOf(failure).message.length < 10)).toEqual([]);
      });

      it('E1 a rejection names the endpoint where one is known', async () => {
        const nameless = await namesOfFailures(
          (failure) => failure.endpoint !== undefined && partOf(failure).endpoint !== failure.endpoint,
        );
        expect(nameless).toEqual([]);
      });

      it('E1 the system error is the cause', async () => {
        const causeless = await namesOfFailures(
          (failure) => failure.system === true && !/^E[A-Z]+$/.test(causeCode(partOf(failure))),
        );
        expect(causeless).toEqual([]);
      });

      it('E1 the cause of a time-out is what went wrong last', async () => {
        const { 'timed out': timedOut, nobody } = await failures();
        expect(timedOut).toBeDefined();
        expect(causeCode(timedOut?.error)).toBe(causeCode(nobody?.error));
      });

      it('E1 a rejection has a hint where a person can act', async () => {
        const hintless = await namesOfFailures(
          (failure) => failure.hopeless !== true && (partOf(failure).hint ?? '').length < 10,
        );
        expect(hintless).toEqual([]);
      });

      it('E1 a call that rejects has not thrown', () => {
        const transport = bench.create();
        const calls = [
          transport.listen({ onConnection: 5 as never }),
          transport.connect(undefined as never),
          transport.connect('', { timeoutMs: 'soon' as never }),
          transport.close({ graceMs: NaN }),
        ];
        calls.forEach((call) => void call.catch(() => undefined));
        expect(calls.every((call) => call instanceof Promise)).toBe(true);
      });

      it('E2 errors on connections that nobody listens to do not end the process', async () => {
        const child = startChild('contract-child.ts', ['errors', name], childEnv());
        const failed = { accepted: true, connected: true };
        expect(await child.exited).toEqual({ status: 0, stdout: `${JSON.stringify(failed)}\n`, stderr: '' });
      });

      it('E2 an error on a connection closes it', async () => {
        const { near, far } = await bench.pair();
        near.write(large);
        await until(() => far.readableLength > 0);
        const closed = new Promise<boolean>((resolve) => {
          near.once('close', resolve);
        });
        far.destroy();
        const hadError = await closed;
        expect(hadError).toBe(true);
      });
    });
  });
}

function causeCode(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error && 'code' in cause ? String(cause.code) : '';
}
