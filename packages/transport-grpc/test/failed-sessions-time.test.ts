// In a file of its own, because all connections of a process share a timer, which other tests would have started.
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { parseEndpoint } from '@rpcplugin/endpoint-utils';
import { turns } from '@rpcplugin/test-support';
import { expect, it, onTestFinished, vi } from 'vitest';
import { callHeaders, flags, frame, frameTypes, headerBlock, malformed, preface } from './http2-frames.js';
import { networks, startPlugin } from './support.js';

it('a gRPC server closes the connections of peers that send malformed HTTP/2 within a second', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const hanging = frame(frameTypes.headers, flags.endHeaders, 1, headerBlock(callHeaders('/test.Probe/Hang')));
  const bytes = Buffer.concat([preface, hanging, ...Object.values(malformed).slice(0, 1)]);
  const plugins = await Promise.all(networks.map((network) => startPlugin(network)));
  for (const { endpoint } of plugins) {
    const peer = connect(parseEndpoint(endpoint)).on('error', () => undefined);
    onTestFinished(() => void peer.destroy());
    await once(peer, 'connect');
    peer.write(bytes);
  }
  const connections = (): Socket[] => plugins.flatMap((plugin) => plugin.accepted);
  // The mocked clock moves no bytes.
  while (connections().filter(({ bytesRead }) => bytesRead === bytes.length).length < plugins.length) await turns(1);
  for (let passedMs = 0; passedMs < 1000; passedMs += 10) {
    vi.advanceTimersByTime(10);
    await turns(2);
  }
  vi.useRealTimers();
  expect(connections().map(({ destroyed }) => destroyed)).toEqual(plugins.map(() => true));
});
