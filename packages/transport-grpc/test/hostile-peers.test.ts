import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { Duplex, PassThrough } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { parseEndpoint } from '@rpcplugin/endpoint-utils';
import { durationOf, openDescriptors, sharedDirectory, until } from '@rpcplugin/test-support';
import { describe, expect, it, onTestFinished } from 'vitest';
import { clientTls, makeIdentity, serverTls } from './certificates.js';
import { callHeaders, flags, frame, frameTypes, headerBlock, preface } from './http2-frames.js';
import { ask, Probe } from './service.js';
import type { ProbeClient } from './service.js';
import { connected, insecure, insecureServer, networks, noSocketsLeft, startPlugin, PROMPT_MS } from './support.js';
import type { Plugin } from './support.js';

const [plugin, host] = await Promise.all([
  makeIdentity(sharedDirectory(), 'localhost'),
  makeIdentity(sharedDirectory(), 'localhost'),
]);

type Security = 'plain' | 'TLS';

/** A server under attack, and its attackers. */
class Target {
  readonly security: Security;
  readonly #plugin: Plugin;
  readonly #acceptedBefore: number;
  readonly #peers: Socket[] = [];
  #left = false;

  constructor(server: Plugin, security: Security) {
    this.security = security;
    this.#plugin = server;
    this.#acceptedBefore = server.accepted.length;
  }

  /** The connections that the server accepted since the attack began. */
  get accepted(): Socket[] {
    return this.#plugin.accepted.slice(this.#acceptedBefore);
  }

  /** How many bytes it read from them. */
  get bytesRead(): number {
    return this.accepted.reduce((sum, { bytesRead }) => sum + bytesRead, 0);
  }

  /** Opens a connection, and ignores how it ends. */
  dial(): Socket {
    const socket = connect(parseEndpoint(this.#plugin.endpoint));
    this.#peers.push(socket.on('error', () => undefined));
    if (this.#left) socket.destroy();
    return socket;
  }

  /** Disconnects the peers for good. */
  leave(): void {
    this.#left = true;
    for (const socket of this.#peers) socket.destroy();
  }
}

interface HostilePeer {
  readonly name: string;
  /** The kinds of port that it attacks. */
  readonly on: readonly Security[];
  /** Resolves once the attack is in progress. It continues until the peers are cut off for good or the test ends. */
  attack: (target: Target) => Promise<void>;
}

const anywhere = ['plain', 'TLS'] as const;

/** Opens a connection, as a trusted host with TLS if the target requires it. */
async function dialSecured(target: Target, ALPNProtocols = ['h2']): Promise<Duplex> {
  const socket = target.dial();
  if (target.security === 'plain') {
    await once(socket, 'connect');
    return socket;
  }
  const identity = { ca: plugin.certificate, cert: host.certificate, key: host.key };
  const secured = connectTls({ socket, ...identity, servername: 'localhost', ALPNProtocols });
  secured.on('error', () => undefined);
  await once(secured, 'secureConnect');
  return secured;
}

/** Writes the chunk repeatedly, as fast as the peer reads it. */
function pump(stream: Duplex, chunk: Buffer): void {
  const write = (): void => {
    if (stream.destroyed) return;
    if (stream.write(chunk)) setImmediate(write);
    else stream.once('drain', write);
  };
  write();
}

/** Ten peers that reconnect whenever they are cut off. Resolves once they have connected thirty times. */
async function keepReconnecting(target: Target, act: (socket: Socket) => void): Promise<void> {
  const dial = (): void => {
    const socket = target.dial();
    socket.once('connect', () => {
      act(socket);
      socket.once('close', dial);
    });
  };
  for (let i = 0; i < 10; i++) dial();
  await until(() => target.accepted.length > 30);
}

/**
 * Two HTTP/2 peers that reconnect whenever they are cut off. Resolves once the server has read a lot from them or cut
 * them off a few times.
 */
async function keepReconnectingSecured(target: Target, act: (stream: Duplex) => void): Promise<void> {
  const dial = (): void => {
    dialSecured(target).then(
      (stream) => {
        act(stream);
        stream.resume().once('close', dial);
      },
      () => undefined,
    );
  };
  dial();
  dial();
  await until(() => target.accepted.length > 10 || target.bytesRead > 256 * 1024);
}

/** Ten peers that stay connected. Resolves once the server has read something from each. */
async function stay(target: Target, act: (socket: Socket) => void): Promise<void> {
  for (let i = 0; i < 10; i++) {
    const socket = target.dial();
    socket.once('connect', () => {
      act(socket);
    });
  }
  await until(() => target.accepted.filter(({ bytesRead }) => bytesRead > 0).length === 10);
}

/** The first message of a TLS client. */
async function clientHello(): Promise<Buffer> {
  const said = new PassThrough();
  const socket = Duplex.from({ readable: new PassThrough(), writable: said });
  const client = connectTls({ socket, ALPNProtocols: ['h2'] }).on('error', () => undefined);
  const [hello] = (await once(said, 'data')) as [Buffer];
  client.destroy();
  return hello;
}

/** Half of the first message that the target expects. */
async function halfAGreeting({ security }: Target): Promise<Buffer> {
  const greeting = security === 'plain' ? preface : await clientHello();
  return greeting.subarray(0, greeting.length / 2);
}

const peers: HostilePeer[] = [
  {
    name: 'send garbage',
    on: anywhere,
    attack: (target) => keepReconnecting(target, (socket) => socket.resume().write(randomBytes(64 * 1024))),
  },
  {
    name: 'speak HTTP/1.1',
    on: anywhere,
    attack: (target) =>
      keepReconnecting(target, (socket) => socket.resume().write('GET / HTTP/1.1\r\nhost: localhost\r\n\r\n')),
  },
  {
    name: 'speak HTTP/1.1 over TLS',
    on: ['TLS'],
    attack: async (target) => {
      for (let i = 0; i < 10; i++) {
        (await dialSecured(target, [])).resume().write('GET / HTTP/1.1\r\nhost: localhost\r\n\r\n');
      }
    },
  },
  {
    name: 'speak TLS to a server without it',
    on: ['plain'],
    attack: (target) =>
      keepReconnecting(target, (socket) =>
        connectTls({ socket })
          .on('error', () => undefined)
          .resume(),
      ),
  },
  {
    name: 'speak HTTP/2 to a server that requires TLS',
    on: ['TLS'],
    attack: (target) => keepReconnecting(target, (socket) => socket.resume().write(preface)),
  },
  {
    name: 'send nothing (a thousand of them)',
    on: anywhere,
    attack: async (target) => {
      // A few at a time: the backlog of a unix listener is limited.
      for (let count = 1; count <= 1000; count += 50) {
        for (let i = 0; i < 50; i++) target.dial();
        await until(() => target.accepted.length >= count + 49);
      }
    },
  },
  {
    name: 'send one byte at a time',
    on: anywhere,
    attack: async (target) => {
      const greeting = await halfAGreeting(target);
      await stay(target, (socket) => {
        let said = 0;
        const timer = setInterval(() => socket.write(greeting.subarray(said, ++said)), 20);
        socket.once('close', () => {
          clearInterval(timer);
        });
      });
    },
  },
  {
    name: 'end at once',
    on: anywhere,
    attack: (target) => keepReconnecting(target, (socket) => socket.resume().end()),
  },
  {
    name: 'reset in the middle of their first message',
    on: anywhere,
    attack: async (target) => {
      const greeting = await halfAGreeting(target);
      await keepReconnecting(target, (socket) => {
        socket.write(greeting, () => (socket.remoteFamily === undefined ? socket.destroy() : socket.resetAndDestroy()));
      });
    },
  },
  {
    name: 'stop in the middle of their first message',
    on: anywhere,
    attack: async (target) => {
      const greeting = await halfAGreeting(target);
      await stay(target, (socket) => socket.write(greeting));
    },
  },
  {
    name: 'stop in the middle of the TLS handshake',
    on: ['TLS'],
    attack: async (target) => {
      const hello = await clientHello();
      await stay(target, (socket) => socket.write(hello));
    },
  },
  {
    name: 'send nothing after the preface',
    on: anywhere,
    attack: async (target) => {
      for (let i = 0; i < 10; i++) (await dialSecured(target)).resume().write(preface);
      await until(() => target.accepted.every(({ bytesRead }) => bytesRead > 0));
    },
  },
  {
    name: 'send SETTINGS endlessly',
    on: ['plain'],
    attack: (target) => flood(target, Buffer.concat(Array<Buffer>(500).fill(frame(frameTypes.settings)))),
  },
  {
    name: 'send PING endlessly',
    on: anywhere,
    attack: (target) =>
      flood(target, Buffer.concat(Array<Buffer>(500).fill(frame(frameTypes.ping, 0, 0, Buffer.alloc(8))))),
  },
  {
    name: 'send PING endlessly and read no response',
    on: ['plain'],
    attack: async (target) => {
      const stream = await dialSecured(target);
      stream.write(preface);
      pump(stream, Buffer.concat(Array<Buffer>(500).fill(frame(frameTypes.ping, 0, 0, Buffer.alloc(8)))));
      await until(() => target.accepted.some(({ bytesRead }) => bytesRead > 16 * 1024));
    },
  },
  {
    // CVE-2023-44487.
    name: 'start thousands of calls and reset them at once',
    on: anywhere,
    attack: (target) => {
      const block = headerBlock(callHeaders('/test.Probe/Echo'));
      const calls = Array.from({ length: 3000 }, (_, index) => [
        frame(frameTypes.headers, flags.endHeaders, 2 * index + 1, block),
        frame(frameTypes.rstStream, 0, 2 * index + 1, Buffer.from([0, 0, 0, 8])),
      ]);
      const bytes = Buffer.concat([preface, ...calls.flat()]);
      return keepReconnectingSecured(target, (stream) => stream.write(bytes));
    },
  },
  {
    name: 'start calls with huge headers',
    on: ['plain'],
    attack: (target) => {
      const block = headerBlock({ ...callHeaders('/test.Probe/Echo'), huge: 'x'.repeat(16_000) });
      const calls = Array.from({ length: 1000 }, (_, index) =>
        frame(frameTypes.headers, flags.endHeaders, 2 * index + 1, block),
      );
      return keepReconnectingSecured(target, (stream) => stream.write(Buffer.concat([preface, ...calls])));
    },
  },
  {
    // CVE-2024-27983.
    name: 'send headers endlessly',
    on: ['plain'],
    attack: (target) =>
      keepReconnectingSecured(target, (stream) => {
        const block = headerBlock(callHeaders('/test.Probe/Echo'));
        stream.write(Buffer.concat([preface, frame(frameTypes.headers, 0, 1, block)]));
        pump(stream, frame(frameTypes.continuation, 0, 1, headerBlock({ huge: 'x'.repeat(16_000) })));
      }),
  },
  {
    name: 'stop reading in the middle of a large response',
    on: anywhere,
    attack: async (target) => {
      await stopReading(await dialSecured(target));
    },
  },
];

function flood(target: Target, frames: Buffer): Promise<void> {
  return keepReconnectingSecured(target, (stream) => {
    stream.write(preface);
    pump(stream, frames);
  });
}

/** Makes a call with a large response, and stops reading when that begins. */
async function stopReading(stream: Duplex): Promise<void> {
  const input = stream.pipe(new PassThrough());
  const duplex = Duplex.from({ readable: input, writable: stream }).on('error', () => undefined);
  const window = 2 ** 30;
  const session = connectHttp2('http://localhost', {
    createConnection: () => duplex,
    settings: { initialWindowSize: window },
  });
  session
    .on('error', () => undefined)
    .on('connect', () => {
      session.setLocalWindowSize(window);
    });
  const size = 4 * 1024 * 1024;
  const message = Buffer.alloc(5 + size);
  message.writeUInt32BE(size, 1);
  const call = session.request(callHeaders('/test.Probe/Echo'));
  call.on('error', () => undefined).end(message);
  await once(call, 'response');
  stream.unpipe(input).pause();
}

/** The duration of the slowest of ten calls, in milliseconds. */
async function slowestOf(client: ProbeClient): Promise<number> {
  let slowest = 0;
  for (let i = 0; i < 10; i++) {
    const begun = performance.now();
    expect(await ask(client, 'echo', 'hello', { deadline: Date.now() + 10_000 })).toBe('hello');
    slowest = Math.max(slowest, performance.now() - begun);
  }
  return slowest;
}

describe.each(networks)('a gRPC server over %s', (network) => {
  describe.each(anywhere)('on a %s port', (security) => {
    const here = peers.filter(({ on }) => on.includes(security));

    it.each(here)('serves and closes promptly despite peers that $name, and leaves nothing', async ({ attack }) => {
      const before = openDescriptors();
      const [forServer, forHost] =
        security === 'plain' ? [insecureServer, insecure] : [serverTls(plugin, host), clientTls(plugin, host)];
      const server = await startPlugin(network, { credentials: forServer });
      const regular = await connected(server.endpoint, forHost);
      const underAttack = async (): Promise<Target> => {
        const target = new Target(server, security);
        onTestFinished(() => {
          target.leave();
        });
        await attack(target);
        return target;
      };

      const first = await underAttack();
      expect(await slowestOf(regular.client(Probe))).toBeLessThan(PROMPT_MS);
      const newcomer = await connected(server.endpoint, forHost, { timeoutMs: 10_000 });
      expect(await slowestOf(newcomer.client(Probe))).toBeLessThan(PROMPT_MS);
      first.leave();
      await until(() => server.accepted.filter(({ destroyed }) => !destroyed).length === 2);

      const second = await underAttack();
      expect(await slowestOf(regular.client(Probe))).toBeLessThan(PROMPT_MS);
      await regular.close();
      await newcomer.close();
      expect(await durationOf(() => server.listener.close({ graceMs: 50 }))).toBeLessThan(50 + PROMPT_MS);
      expect(server.accepted.every(({ destroyed }) => destroyed)).toBe(true);
      second.leave();
      await noSocketsLeft(before);
    });
  });
});
