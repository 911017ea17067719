import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { connect, createServer } from 'node:tls';
import type { TLSSocket } from 'node:tls';
import { createIdentity } from '@rpcplugin/handshake';
import type { Identity } from '@rpcplugin/handshake';
import { beforeAll, describe, expect, it } from 'vitest';
import { describeInterop } from '../src/describe-interop.js';
import { peers } from '../src/peers.js';
import { hashOf, hashOfStream, largeData } from './large.js';
import { bothEnds, networks } from './networks.js';

let host: Identity;
let plugin: Identity;
let stranger: Identity;

beforeAll(async () => {
  [host, plugin, stranger] = await Promise.all([createIdentity(), createIdentity(), createIdentity()]);
});

/** Secures an accepted connection. Rejects unless the client proves to be `trusted`. */
async function serverEnd(socket: Socket, own: Identity, trusted: Identity): Promise<TLSSocket> {
  const server = createServer({ cert: own.certificate, key: own.key, ca: trusted.certificate, requestCert: true });
  const secured = once(server, 'secureConnection') as Promise<[TLSSocket]>;
  const refused = once(server, 'tlsClientError') as Promise<[Error]>;
  server.emit('connection', socket);
  const [either] = await Promise.race([secured, refused]);
  if (either instanceof Error) throw either;
  return either;
}

/** Secures the connection of a client that trusts only one server. */
function clientEnd(socket: Socket, own: Identity, trusted: Identity): TLSSocket {
  const identity = { cert: own.certificate, key: own.key, ca: trusted.certificate };
  return connect({ ...identity, socket, servername: 'localhost' });
}

describe.each(networks)('over $over', (network) => {
  describeInterop({ peer: peers.tls, role: 'both ends of a connection', over: network.over }, () => {
    it.runIf(network.available)('carries 16 MB each way between ends that trust each other', async () => {
      const { accepted, connected } = await bothEnds(network);
      const client = clientEnd(connected, host, plugin);
      const server = await serverEnd(accepted, plugin, host);
      expect(server.getPeerX509Certificate()?.raw).toEqual(new X509Certificate(host.certificate).raw);
      const data = largeData();
      server.pipe(server);
      client.end(data);
      expect(await hashOfStream(client)).toBe(hashOf(data));
    });

    it.runIf(network.available)('refuses a client with an unknown certificate', async () => {
      const { accepted, connected } = await bothEnds(network);
      // The client connects at first: in TLS 1.3 it sends its certificate last.
      const closed = once(clientEnd(connected, stranger, plugin), 'close');
      await expect(serverEnd(accepted, plugin, host)).rejects.toThrow();
      await closed;
    });

    it.runIf(network.available)('refuses a server with an unknown certificate', async () => {
      const { accepted, connected } = await bothEnds(network);
      const refused = once(clientEnd(connected, host, plugin), 'error');
      await expect(serverEnd(accepted, stranger, host)).rejects.toThrow();
      await refused;
    });
  });
});
