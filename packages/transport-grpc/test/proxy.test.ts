import { startChild } from '@rpcplugin/test-support';
import { describe, expect, it } from 'vitest';
import { parseEndpoint } from '@rpcplugin/endpoint-utils';
import { plainServer, startPlugin, childCommand } from './support.js';

describe('an HTTP proxy in the environment', () => {
  async function callThroughProxy(how: 'connectGrpc' | 'grpc-js'): Promise<{ answer: unknown; proxied: number }> {
    const plugin = await startPlugin('tcp');
    const proxy = await plainServer('tcp', (socket) => socket.destroy());
    const url = `http://${proxy.endpoint}`;
    const env = { http_proxy: url, https_proxy: url, grpc_proxy: url };
    const unset = { no_proxy: undefined, no_grpc_proxy: undefined, NO_PROXY: undefined };
    const child = startChild(childCommand('proxy-client.ts', how, plugin.endpoint), { env: { ...env, ...unset } });
    const answer = await child.message();
    expect(parseEndpoint(plugin.endpoint)).toMatchObject({ host: '127.0.0.1' });
    return { answer, proxied: proxy.sockets.length };
  }

  it('is not used for a plugin on this machine', async () => {
    expect(await callThroughProxy('connectGrpc')).toEqual({ answer: 'hello', proxied: 0 });
  });

  it('is used by a plain grpc-js client', async () => {
    const { answer, proxied } = await callThroughProxy('grpc-js');
    expect(answer).toMatch(/^failed: /);
    expect(proxied).toBeGreaterThan(0);
  });
});
