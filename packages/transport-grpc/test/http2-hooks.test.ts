// One test per assumption about HTTP/2 of Node that src/http2-hooks.ts makes beyond its documented interface.
import { EventEmitter, once } from 'node:events';
import { connect as connectHttp2, createServer } from 'node:http2';
import type { Http2Session, ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { closed, listening, portOf, sharedDirectory, turns, until } from '@rpcplugin/test-support';
import { describe, expect, it, onTestFinished } from 'vitest';
import { hookConnections } from '../src/grpc-js-hooks.js';
import { isOver, readOn, stopReading } from '../src/http2-hooks.js';
import { clientTls, makeIdentity, serverTls } from './certificates.js';
import { callHeaders, flags, frame, frameTypes, headerBlock, preface } from './http2-frames.js';
import { ask, Probe } from './service.js';
import { connected, startPlugin } from './support.js';

/** A socket, with the handle by which HTTP/2 reads it. */
type Below = Duplex & { readonly _handle: { readStop(): void } };

const plugin = await makeIdentity(sharedDirectory(), 'localhost');

describe('an HTTP/2 session of Node', () => {
  /** A session of a server, its connection, and that of its client. */
  async function session(): Promise<{ session: ServerHttp2Session; socket: Socket; peer: Socket }> {
    const server = createServer().on('sessionError', () => undefined);
    const port = portOf(await listening(server, { host: '127.0.0.1', port: 0 }));
    const peer = connect(port, '127.0.0.1');
    onTestFinished(() => {
      peer.destroy();
      server.close();
    });
    const accepted = once(server, 'connection') as Promise<[Socket]>;
    const begun = once(server, 'session') as Promise<[ServerHttp2Session]>;
    peer.write(preface);
    const [session] = await begun;
    const [socket] = await accepted;
    await once(session, 'remoteSettings');
    return { session, socket, peer };
  }

  it('has a handle that knows that it is over', async () => {
    const { session: begun, peer } = await session();
    expect(isOver(begun)).toBe(false);
    peer.resume().write(frame(frameTypes.data, 0, 0, Buffer.from('x')));
    // Newer versions of Node destroy it.
    await until(() => begun.destroyed || isOver(begun));
  });

  it('does not read while the socket below it is stopped', async () => {
    const { session: begun, peer, socket } = await session();
    const readAgain = stopReading(socket);
    const { bytesRead } = socket;
    peer.resume().write(frame(frameTypes.ping, 0, 0, Buffer.alloc(8)));
    await turns(100);
    expect(socket.bytesRead).toBe(bytesRead);
    readAgain();
    await once(begun, 'ping');
  });

  it('is made to read below TLS again', async () => {
    const { endpoint, probe } = await startPlugin('tcp', { credentials: serverTls(plugin) });
    const begun: { connection: Duplex; session: Http2Session | undefined }[] = [];
    const credentials = hookConnections(clientTls(plugin), {
      opened: (socket) => socket,
      secured: () => undefined,
      started: (connection, session) => begun.push({ connection, session }),
      failed: () => undefined,
    });
    const client = new Probe(endpoint, credentials, { 'grpc.ssl_target_name_override': 'localhost' });
    onTestFinished(() => {
      client.close();
    });
    const arrived = probe.nextHanging();
    const state = { isAnswered: false };
    const answer = ask(client, 'hang', 'hello').finally(() => (state.isAnswered = true));
    await arrived;
    // As the session does while it writes.
    for (const { connection } of begun) (connection as Below)._handle.readStop();
    probe.release();
    await turns(100);
    expect(state.isAnswered).toBe(false);
    for (const { connection, session } of begun) if (session !== undefined) readOn(connection, session);
    expect(await answer).toBe('hello');
  });

  it('is not made to read below TLS while its connection is stopped', async () => {
    const { endpoint, connections } = await startPlugin('tcp', { credentials: serverTls(plugin) });
    const client = (await connected(endpoint, clientTls(plugin))).client(Probe);
    expect(await ask(client, 'echo', 'hello')).toBe('hello');
    const [connection] = connections;
    if (connection === undefined) throw new Error('nothing was accepted');
    const readAgain = stopReading(connection);
    readOn(connection, Object.assign(new EventEmitter(), { encrypted: true }) as unknown as Http2Session);
    const state = { isAnswered: false };
    const answer = ask(client, 'echo', 'again').finally(() => (state.isAnswered = true));
    await turns(100);
    expect(state.isAnswered).toBe(false);
    readAgain();
    expect(await answer).toBe('again');
  });

  it('keeps a complete response until it is read, and is not over before that', async () => {
    const server = createServer((_, response) => response.end('answer'));
    const begun = connectHttp2(`http://127.0.0.1:${portOf(await listening(server, { host: '127.0.0.1', port: 0 }))}`);
    onTestFinished(() => {
      begun.destroy();
      server.close();
    });
    const stream = begun.request().pause();
    await until(() => stream.closed);
    begun.close();
    await turns(100);
    expect(isOver(begun)).toBe(false);
    const ends = Promise.all([once(stream, 'data'), once(begun, 'close')]);
    stream.resume();
    const [[answer]] = (await ends) as [[Buffer], unknown];
    expect(String(answer)).toBe('answer');
  });

  it('is not over while its socket writes the last data', async () => {
    const { session: begun, peer } = await session();
    const response = Buffer.alloc(8 * 1024 * 1024);
    begun.once('stream', (stream) => {
      stream.respond();
      stream.end(response);
    });
    const window = Buffer.alloc(4);
    window.writeUInt32BE(2 ** 30);
    const call = frame(frameTypes.headers, flags.endHeaders | flags.endStream, 1, headerBlock(callHeaders('/')));
    const windows = [0, 1].map((stream) => frame(frameTypes.windowUpdate, 0, stream, window));
    peer.pause().write(Buffer.concat([call, ...windows]));
    const [stream] = (await once(begun, 'stream')) as [ServerHttp2Stream];
    await until(() => stream.writableFinished || stream.closed || stream.destroyed);
    begun.close();
    expect(isOver(begun)).toBe(false);
    let received = 0;
    peer.on('data', (chunk: Buffer) => (received += chunk.length)).resume();
    await closed(peer);
    expect(received).toBeGreaterThan(response.length);
  });
});
