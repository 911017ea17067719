import { once } from 'node:events';
import { connect, createSecureServer, createServer } from 'node:http2';
import type { ClientHttp2Session, ClientHttp2Stream, Http2Server } from 'node:http2';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { connect as connectTls } from 'node:tls';
import { createIdentity } from '@rpcplugin/handshake';
import type { Identity } from '@rpcplugin/handshake';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { describeInterop } from '../src/describe-interop.js';
import { peers } from '../src/peers.js';
import { hashOf, hashOfStream, largeData, partsOf } from './large.js';
import { bothEnds, networks } from './networks.js';
import type { Network } from './networks.js';

let host: Identity;
let plugin: Identity;

beforeAll(async () => {
  [host, plugin] = await Promise.all([createIdentity(), createIdentity()]);
});

/** A session with an echo server. */
async function plainSession(network: Network): Promise<ClientHttp2Session> {
  const { accepted, connected } = await bothEnds(network);
  echo(createServer()).emit('connection', accepted);
  return untilOver(connect('http://localhost', { createConnection: () => connected }));
}

/** The same over mutual TLS, negotiating HTTP/2 by ALPN. */
async function secureSession(network: Network): Promise<ClientHttp2Session> {
  const { accepted, connected } = await bothEnds(network);
  const shown = { cert: plugin.certificate, key: plugin.key };
  echo(createSecureServer({ ...shown, ca: host.certificate, requestCert: true })).emit('connection', accepted);
  const secured = connectTls({
    socket: connected,
    cert: host.certificate,
    key: host.key,
    ca: plugin.certificate,
    servername: 'localhost',
    ALPNProtocols: ['h2'],
  });
  return untilOver(connect('https://localhost', { createConnection: () => secured }));
}

function echo<S extends Http2Server>(server: S): S {
  server.on('stream', (stream) => {
    stream.respond({ ':status': 200 });
    stream.pipe(stream);
  });
  return server;
}

function untilOver(session: ClientHttp2Session): ClientHttp2Session {
  onTestFinished(() => {
    session.destroy();
  });
  return session;
}

/** Sends a body in parts, as a session buffers no more than 10 MB. */
function post(session: ClientHttp2Session, body: Iterable<Buffer>): ClientHttp2Stream {
  return Readable.from(body).pipe(session.request({ ':method': 'POST', ':path': '/' }));
}

describe.each(networks)('over $over', (network) => {
  describe.each([
    { over: network.over, open: plainSession },
    { over: `${network.over}, mutual TLS`, open: secureSession },
  ])('$over', ({ over, open }) => {
    describeInterop({ peer: peers.http2, role: 'both ends of a connection', over }, () => {
      it.runIf(network.available)('carries hundreds of streams at once', async () => {
        const session = await open(network);
        const bodies = Array.from({ length: 300 }, (_, i) => `${i}`.repeat(i));
        expect(await Promise.all(bodies.map((body) => text(post(session, [Buffer.from(body)]))))).toEqual(bodies);
      });

      it.runIf(network.available)('carries 16 MB each way', async () => {
        const session = await open(network);
        const data = largeData();
        expect(await hashOfStream(post(session, partsOf(data)))).toBe(hashOf(data));
      });

      it.runIf(network.available)('closes the session after its last stream', async () => {
        const session = await open(network);
        const last = post(session, [Buffer.from('last')]);
        await once(last, 'response');
        const closed = once(session, 'close');
        session.close();
        expect(await text(last)).toBe('last');
        await closed;
      });
    });
  });
});
