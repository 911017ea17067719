import { Socket } from 'node:net';
import { credentials, status } from '@grpc/grpc-js';
import { KV } from '@rpcplugin/example-kv/protos';
import { closeAfterTest, onDiagnostic, startProgram, until } from '@rpcplugin/test-support';
import { connectGrpc } from '@rpcplugin/transport-grpc';
import type { GrpcConnection } from '@rpcplugin/transport-grpc';
import { TCPSocketTransport } from '@rpcplugin/transport-tcp';
import { expect, it, onTestFinished } from 'vitest';
import { describeInterop } from '../src/describe-interop.js';
import { goPeer, useGoPeer } from '../src/go-peer.js';
import { peers } from '../src/peers.js';
import { put } from './kv-calls.js';

useGoPeer();

/** A connection to a store in Go. */
interface Store {
  readonly connection: GrpcConnection;
  readonly client: InstanceType<typeof KV>;
  /** Every socket that was connected. */
  readonly sockets: readonly Socket[];
}

// An answer may take as long as the interval, and a busy machine is slow.
const INTERVAL_MS = 500;

/** @param minTime - The least time between two pings, with a unit. Default: that of gRPC, 5 minutes. */
async function connectToStore(...minTime: string[]): Promise<Store> {
  const [, endpoint = ''] = await startProgram([goPeer, 'store', ...minTime]).printed(/(.+)\n/);
  const transport = closeAfterTest(new TCPSocketTransport());
  const sockets: Socket[] = [];
  onDiagnostic('connect', transport, ({ connection }) => {
    if (connection instanceof Socket) sockets.push(connection);
  });
  const options = { pingIntervalMs: INTERVAL_MS };
  const connection = await connectGrpc(transport, endpoint, credentials.createInsecure(), options);
  onTestFinished(() => connection.close({ graceMs: 0 }));
  return { connection, client: connection.client(KV), sockets };
}

/** Makes a call that the store does not answer. Resolves with the status with which it ends. */
function silentCall(client: Store['client']): Promise<number | undefined> {
  return new Promise((resolve) => {
    client.PutAll((error) => {
      resolve(error?.code);
    });
  });
}

describeInterop({ peer: peers.goGrpc, role: 'server that limits pings', over: 'TCP' }, () => {
  it('disconnects a client that pings more often than every five minutes', async () => {
    const { client } = await connectToStore();
    // With GOAWAY, ENHANCE_YOUR_CALM, "too_many_pings".
    expect(await silentCall(client)).toBe(status.RESOURCE_EXHAUSTED);
  });

  it('keeps a client whose interval is longer than the limit', async () => {
    const { client, connection, sockets } = await connectToStore('450ms');
    const ended = silentCall(client);
    const bytesRead = (): number => sockets[0]?.bytesRead ?? 0;
    const before = bytesRead();
    // Five answers to pings, 17 bytes each, after the SETTINGS frames that may still arrive. The server disconnects a
    // client at the third ping that comes too early.
    await Promise.race([ended, until(() => bytesRead() >= before + 24 + 5 * 17)]);
    await put(client, { key: 'after', value: Buffer.from('pings') });
    expect([connection.connections, sockets.length]).toEqual([1, 1]);
  });
});
