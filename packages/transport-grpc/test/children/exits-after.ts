// Runs a scenario with TLS and without, and closes everything it opened. Nothing must keep the process alive after
// that. Arguments: the scenario, the network and, for some, the endpoint of a server in another process.
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { credentials, Metadata, ServerCredentials, status } from '@grpc/grpc-js';
import type { ChannelCredentials } from '@grpc/grpc-js';
import { parseEndpoint } from '@rpcplugin/endpoint-utils';
import { codeOf, makeDirectory, removeDirectory } from '@rpcplugin/test-support/process';
import { TCPSocketTransport } from '@rpcplugin/transport-tcp';
import { UnixSocketTransport } from '@rpcplugin/transport-unix';
import { connectGrpc, serveGrpc } from '../../src/index.js';
import type { ConnectGrpcOptions, GrpcConnection, GrpcListener } from '../../src/index.js';
import { clientTls, makeIdentity, serverTls } from '../certificates.js';
import { ask, call, Probe, ProbeServer } from '../service.js';
import { transportTo } from '../transport-to.js';

interface Security {
  readonly host: ChannelCredentials;
  readonly plugin: ServerCredentials;
  /** Credentials that the plugin rejects. */
  readonly stranger: ChannelCredentials;
}

const [what = '', network = '', remote = ''] = process.argv.slice(2);
const NEVER_MS = 60_000;

const directory = await makeDirectory();
const identity = await makeIdentity(directory, 'localhost');
const plain: Security = {
  host: credentials.createInsecure(),
  plugin: ServerCredentials.createInsecure(),
  stranger: clientTls(identity),
};
const mutual: Security = {
  host: clientTls(identity, identity),
  plugin: serverTls(identity, identity),
  stranger: credentials.createInsecure(),
};

const scenarios: Record<string, (security: Security) => Promise<void>> = {
  async calls({ host, plugin }) {
    const { listener } = await serve(plugin);
    const connection = await connectTo(listener.endpoint, host, { timeoutMs: NEVER_MS, waitMs: NEVER_MS });
    const client = connection.client(Probe);
    const options = { deadline: Date.now() + NEVER_MS };
    assert((await ask(client, 'echo', 'hello', options)) === 'hello');
    assert((await codeOf(call(client, 'fail', '', options))) === status.FAILED_PRECONDITION);
    const answers = client.split(Buffer.from('a,b'), new Metadata(), options).resume();
    await once(answers, 'end');
    const chat = client.chat(new Metadata(), options);
    chat.write(Buffer.from('hello'));
    await once(chat, 'data');
    chat.end();
    await once(chat.resume(), 'end');
    await connection.close({ graceMs: NEVER_MS });
    await listener.close({ graceMs: NEVER_MS });
  },

  async 'failed connects'({ host, plugin, stranger }) {
    const { listener } = await serve(plugin);
    assert((await codeOf(connectTo(listener.endpoint, stranger, { timeoutMs: NEVER_MS }))) === 'IO');
    const aborter = new AbortController();
    const aborted = codeOf(connectTo(listener.endpoint, host, { signal: aborter.signal, timeoutMs: NEVER_MS }));
    aborter.abort();
    assert((await aborted) === 'ABORTED');
    await listener.close({ graceMs: NEVER_MS });
    assert(/NOT_FOUND|REFUSED/.test(String(await codeOf(connectTo(listener.endpoint, host, { waitMs: 20 })))));
    const waiting = { waitMs: NEVER_MS, timeoutMs: 50 };
    assert((await codeOf(connectTo(listener.endpoint, host, waiting))) === 'TIMEOUT');
    // This server accepts but never answers.
    assert((await codeOf(connectTo(remote, host, { timeoutMs: 50 }))) === 'TIMEOUT');
  },

  async 'calls that were cut off'({ host, plugin }) {
    const { listener, probe } = await serve(plugin);
    const connection = await connectTo(listener.endpoint, host);
    const client = connection.client(Probe);
    const arrived = probe.nextHanging();
    const hanging = codeOf(call(client, 'hang', '', { deadline: Date.now() + NEVER_MS }));
    const chat = once(client.chat(new Metadata(), {}), 'error');
    await arrived;
    const [silent, begun] = [await dial(listener), await dial(listener)];
    begun.write(Buffer.from([0x16]));
    await listener.close({ graceMs: 50 });
    assert((await hanging) === status.UNAVAILABLE);
    await chat;
    await connection.close({ graceMs: NEVER_MS });
    silent.destroy();
    begun.destroy();
  },

  async 'closing with endless streams'({ host, plugin }) {
    const { listener } = await serve(plugin);
    const connection = await connectTo(listener.endpoint, host);
    const endings = [1, 2].map(() => once(connection.client(Probe).chat(new Metadata(), {}), 'error'));
    await ask(connection.client(Probe), 'echo');
    await connection.close({ graceMs: 50 });
    await Promise.all(endings);
    await listener.close({ graceMs: NEVER_MS });
  },

  async 'a connection closed while its plugin was away'({ host, plugin }) {
    const { listener } = await serve(plugin);
    const connection = await connectTo(listener.endpoint, host);
    const client = connection.client(Probe);
    await ask(client, 'echo');
    await listener.close({ graceMs: 0 });
    const metadata = new Metadata({ waitForReady: true });
    const waiting = codeOf(call(client, 'echo', '', { metadata, deadline: Date.now() + NEVER_MS }));
    await codeOf(call(client, 'echo'));
    await connection.close({ graceMs: NEVER_MS });
    assert((await waiting) === status.UNAVAILABLE);
  },

  async 'a killed plugin'({ host }) {
    const connection = await connectTo(remote, host);
    const client = connection.client(Probe);
    const hanging = codeOf(call(client, 'hang', '', { deadline: Date.now() + NEVER_MS }));
    await ask(client, 'echo');
    process.send?.('calling');
    assert((await hanging) === status.UNAVAILABLE);
    assert((await codeOf(call(client, 'echo'))) === status.UNAVAILABLE);
    await connection.close({ graceMs: NEVER_MS });
  },
};

async function serve(own: ServerCredentials): Promise<{ probe: ProbeServer; listener: GrpcListener }> {
  const probe = new ProbeServer('child');
  const transport = network === 'unix' ? new UnixSocketTransport() : new TCPSocketTransport();
  return { probe, listener: await serveGrpc(probe.server, transport, own) };
}

function connectTo(endpoint: string, own: ChannelCredentials, options?: ConnectGrpcOptions): Promise<GrpcConnection> {
  return connectGrpc(transportTo(endpoint), endpoint, own, options);
}

async function dial({ endpoint }: GrpcListener): Promise<Socket> {
  const socket = connect(parseEndpoint(endpoint));
  await once(
    socket.on('error', () => undefined),
    'connect',
  );
  return socket;
}

function assert(condition: boolean): void {
  if (!condition) throw new Error('assertion failed');
}

const scenario = scenarios[what];
if (scenario === undefined) throw new Error(`no scenario ${what}`);
// A plugin can be killed only once. It serves without TLS.
if (what !== 'a killed plugin') await scenario(mutual);
await scenario(plain);
await removeDirectory(directory);
process.disconnect();
