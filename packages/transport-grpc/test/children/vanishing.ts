// Clients and servers in a network of their own, in which packets are dropped as if the other machine had vanished.
// Argument: the directory of an identity.
import { execFileSync, spawn } from 'node:child_process';
import { subscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { credentials, Metadata, ServerCredentials } from '@grpc/grpc-js';
import { answerParent, codeOf, portOf, until } from '@rpcplugin/test-support/process';
import { TCPSocketTransport } from '@rpcplugin/transport-tcp';
import { connectGrpc, connectGrpcTarget, serveGrpc } from '../../src/index.js';
import type { GrpcConnection, GrpcPeers } from '../../src/index.js';
import { clientTls, readIdentity, serverTls } from '../certificates.js';
import { ask, call, Probe, ProbeServer } from '../service.js';

export interface Command {
  readonly situation: keyof typeof situations;
  readonly tls: boolean;
  /** What is to notice. The other one would take longer than the test. */
  readonly by: 'keep-alive' | 'pings';
}

/** Who has noticed, and the status of the call or calls. */
export interface Reply {
  readonly client: boolean;
  /** `undefined` for a server that has nothing to notice with. */
  readonly server: boolean | undefined;
  readonly status: unknown;
}

/** How long to wait for an end to notice, in milliseconds. The kernel resends data for a quarter of an hour. */
const LIMIT_MS = 20_000;

const [directory = ''] = process.argv.slice(2);
const identity = await readIdentity(directory, 'localhost');

nft('add table inet vanish');
nft('add set inet vanish ports { type inet_service; }');
// Dropped as they arrive: the kernel tells the sender of a packet that is dropped as it leaves.
nft('add chain inet vanish arriving { type filter hook input priority 0; }');
nft('add rule inet vanish arriving tcp dport @ports drop');
nft('add rule inet vanish arriving tcp sport @ports drop');

function nft(command: string): void {
  execFileSync('nft', [command]);
}

/** What happens when the other machine vanishes. Each resolves with the status of its call, or those of its calls. */
const situations = {
  'no call': noCall,
  'no call of connectGrpcTarget': noCall,
  'a call that waits': async (connection: GrpcConnection, probe: ProbeServer, vanish: Vanish) => {
    const [status] = [codeOf(call(connection.client(Probe), 'hang')), await probe.nextHanging()];
    await vanish();
    return status;
  },
  'a call whose request is sent': async (connection: GrpcConnection, _probe: ProbeServer, vanish: Vanish) => {
    const chat = connection.client(Probe).chat(new Metadata(), {});
    chat.write(Buffer.from('before'));
    await once(chat, 'data');
    await vanish();
    chat.write(Buffer.from('after'));
    return codeOf(once(chat, 'end'));
  },
  'a call whose response is sent': async (connection: GrpcConnection, probe: ProbeServer, vanish: Vanish) => {
    const status = codeOf(call(connection.client(Probe), 'hang'));
    const hanging = await probe.nextHanging();
    await vanish();
    hanging.sendMetadata(new Metadata());
    return status;
  },
  'calls with short deadlines': async (connection: GrpcConnection, _probe: ProbeServer, vanish: Vanish) => {
    await vanish();
    const client = connection.client(Probe);
    const end = Date.now() + LIMIT_MS;
    const statuses = new Set<unknown>();
    while (connection.connections > 0 && Date.now() < end) {
      statuses.add(await codeOf(call(client, 'echo', '', { deadline: Date.now() + 50 })));
    }
    return [...statuses];
  },
};

type Vanish = () => Promise<void>;

async function noCall(_connection: GrpcConnection, _probe: ProbeServer, vanish: Vanish): Promise<void> {
  await vanish();
}

async function perform({ situation, tls, by }: Command): Promise<Reply> {
  const keepAliveMs = by === 'keep-alive' ? 1000 : 1_000_000;
  const options = { pingIntervalMs: by === 'pings' ? 200 : Infinity };
  const probe = new ProbeServer('vanishing');
  const transport = new TCPSocketTransport({ keepAliveMs });
  const serverCredentials = tls ? serverTls(identity) : ServerCredentials.createInsecure();
  const listener = await serveGrpc(probe.server, transport, serverCredentials, options);
  const { endpoint } = listener;
  const clientCredentials = tls ? clientTls(identity) : credentials.createInsecure();
  const connection = await (situation === 'no call of connectGrpcTarget'
    ? connectGrpcTarget(`ipv4:${endpoint}`, clientCredentials, { ...options, authority: 'localhost' })
    : connectGrpc(new TCPSocketTransport({ keepAliveMs }), endpoint, clientCredentials, options));
  await ask(connection.client(Probe), 'echo');
  if (by === 'keep-alive') await shorten(portOf(endpoint));

  const client = notices(connection);
  // What it sent last was not acknowledged, and it has no call.
  const server = situation === 'calls with short deadlines' ? undefined : notices(listener);
  const status = situations[situation](connection, probe, async () => {
    // The kernel does not look for a peer that owes it an acknowledgement.
    await until(() => unacknowledged(portOf(endpoint)) === 0);
    nft(`add element inet vanish ports { ${portOf(endpoint)} }`);
  });
  const reply = { client: await client, server: await server, status: await status };
  await Promise.all([connection.close({ graceMs: 0 }), listener.close({ graceMs: 0 })]);
  return reply;
}

function notices(peers: GrpcPeers): Promise<boolean> {
  return new Promise((resolve) => {
    peers.onDisconnect(() => {
      resolve(true);
    });
    setTimeout(resolve, LIMIT_MS, false).unref();
  });
}

/** How many connections of a port have bytes that the peer has not acknowledged. */
function unacknowledged(port: number): number {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  const lines = readFileSync('/proc/self/net/tcp', 'utf8').split('\n');
  return lines.filter((line) => line.includes(`:${hex} `) && !line.includes(' 00000000:')).length;
}

const sockets: Socket[] = [];
for (const side of ['client', 'server']) {
  subscribe(`net.${side}.socket`, (message) => sockets.push((message as { socket: Socket }).socket));
}

// Perl inherits the sockets.
const perl = `
  use Socket qw(IPPROTO_TCP TCP_KEEPIDLE TCP_KEEPCNT);
  for (3 .. $ARGV[0]) {
    open(my $socket, "+<&=$_") or die $!;
    setsockopt($socket, IPPROTO_TCP, TCP_KEEPCNT, 1) or die $!;
    # That of connectGrpcTarget is not an option.
    setsockopt($socket, IPPROTO_TCP, TCP_KEEPIDLE, 1) or die $!;
  }
`;

/** Makes the keep-alive of a port's connections fail after one question instead of ten, so after two seconds. */
async function shorten(port: number): Promise<void> {
  const fds = sockets
    .filter(({ localPort, remotePort }) => localPort === port || remotePort === port)
    .map((socket) => (socket as unknown as { _handle: { fd: number } })._handle.fd);
  const child = spawn('perl', ['-e', perl, String(fds.length + 2)], { stdio: ['ignore', 2, 2, ...fds] });
  const [code] = (await once(child, 'close')) as [number];
  if (fds.length !== 2 || code !== 0) throw new Error(`perl ended with ${code} for ${fds.length} sockets`);
}

answerParent(perform);
