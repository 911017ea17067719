import { EventEmitter, once } from 'node:events';
import type { Socket } from 'node:net';
import { closeAfterTest, freshDirectory, hasIPv6 } from '@rpcplugin/test-support';
import type { Transport } from '@rpcplugin/transport-core';
import { TCPSocketTransport } from '@rpcplugin/transport-tcp';
import { UnixSocketTransport } from '@rpcplugin/transport-unix';

export interface Network {
  /** Its name in docs/interop.md. */
  readonly over: string;
  /** The environment that makes the example plugin listen on it. */
  readonly env: NodeJS.ProcessEnv;
  /** Whether this machine has it. */
  readonly available: boolean;
  /** Creates a transport for it, which is closed after the test. */
  readonly transport: () => Promise<Transport<Socket>>;
}

export const networks: readonly Network[] = [
  {
    over: 'unix',
    env: { PLUGIN_TRANSPORTS: 'unix' },
    available: true,
    transport: async () => closeAfterTest(new UnixSocketTransport({ directory: await freshDirectory() })),
  },
  {
    over: 'TCP',
    env: { PLUGIN_TRANSPORTS: 'tcp' },
    available: true,
    transport: () => Promise.resolve(closeAfterTest(new TCPSocketTransport())),
  },
  {
    over: 'TCP over IPv6',
    env: { PLUGIN_TRANSPORTS: 'tcp', KV_HOST: '::1' },
    available: hasIPv6,
    transport: () => Promise.resolve(closeAfterTest(new TCPSocketTransport({ host: '::1' }))),
  },
];

export interface BothEnds {
  readonly accepted: Socket;
  readonly connected: Socket;
}

/** Connects two transports. */
export async function bothEnds({ transport }: Network): Promise<BothEnds> {
  const [listening, connecting] = await Promise.all([transport(), transport()]);
  const ends = new EventEmitter();
  const accepting = once(ends, 'accepted') as Promise<[Socket]>;
  const endpoint = await listening.listen({ onConnection: (socket) => void ends.emit('accepted', socket) });
  const connected = await connecting.connect(endpoint);
  const [accepted] = await accepting;
  return { accepted, connected };
}
