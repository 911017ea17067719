import { rejectionOf } from '@rpcplugin/test-support';
import { describe, expect, it } from 'vitest';
import { grpcChannelOptions } from '../src/index.js';

const always = {
  'grpc.use_local_subchannel_pool': 1,
  'grpc.max_receive_message_length': -1,
  'grpc-node.flow_control_window': 4 * 1024 * 1024,
};
const oneAddress = {
  'grpc.enable_http_proxy': 0,
  'grpc.service_config_disable_resolution': 1,
  'grpc.initial_reconnect_backoff_ms': 10,
  'grpc.max_reconnect_backoff_ms': 50,
  'grpc.client_idle_timeout_ms': 2 ** 31 - 1,
};
const authority = (name: string): object => ({
  'grpc.default_authority': name,
  'grpc.ssl_target_name_override': name,
});

describe('the channel options', () => {
  it.each([
    'unix:/run/plugin.sock',
    '/run/plugin.sock',
    './plugin.sock',
    '/run/dns:plugin.sock',
    '127.0.0.1:50051',
    'tcp://127.1.2.3:50051',
    '[::1]:50051',
    'localhost:50051',
  ])('for %s, on this machine', (endpoint) => {
    expect(grpcChannelOptions(endpoint)).toStrictEqual({ ...always, ...oneAddress, ...authority('localhost') });
  });

  it.each(['192.0.2.1:50051', '[2001:db8::1]:50051', 'plugin.example:50051', 'ipv4:192.0.2.1:50051', '127.example:1'])(
    'for %s, on another machine',
    (endpoint) => {
      expect(grpcChannelOptions(endpoint)).toStrictEqual({ ...always, ...oneAddress });
    },
  );

  it.each([
    'dns:///plugin.example:50051',
    'dns:localhost',
    'xds:///plugin',
    'xds://authority.example/plugin',
    'ipv4:127.0.0.1:1,127.0.0.1:2',
  ])('for %s, which is the business of gRPC', (target) => {
    expect(grpcChannelOptions(target)).toStrictEqual(always);
  });

  it.each(['unix:/run/plugin.sock', '127.0.0.1:50051', 'plugin.example:50051', 'dns:///plugin.example'])(
    'for %s with an authority',
    (endpoint) => {
      expect(grpcChannelOptions(endpoint, { authority: 'other.example' })).toMatchObject(authority('other.example'));
    },
  );

  it('are new ones each time', () => {
    expect(grpcChannelOptions('127.0.0.1:1')).not.toBe(grpcChannelOptions('127.0.0.1:1'));
  });

  it.each([
    { name: 'a malformed endpoint', code: 'INVALID_ENDPOINT', endpoint: 'plugin', options: {} },
    { name: 'port 0', code: 'INVALID_ENDPOINT', endpoint: '127.0.0.1:0', options: {} },
    { name: 'a web address', code: 'INVALID_ENDPOINT', endpoint: 'http://localhost:50051/plugin', options: {} },
    { name: 'a secure one', code: 'INVALID_ENDPOINT', endpoint: 'https://localhost:50051/plugin', options: {} },
    { name: 'an unknown scheme with slashes later on', code: 'INVALID_ENDPOINT', endpoint: 'xds:a//b/c', options: {} },
    { name: 'a target with a line break', code: 'INVALID_ENDPOINT', endpoint: 'dns:///plugin.example\n', options: {} },
    { name: 'an unfinished list', code: 'INVALID_ENDPOINT', endpoint: 'a:1,b:1', options: {} },
    { name: 'what is not text', code: 'INVALID_ENDPOINT', endpoint: undefined as unknown as string, options: {} },
    { name: 'a path that is too long', code: 'PATH_TOO_LONG', endpoint: `/tmp/${'ü'.repeat(54)}`, options: {} },
    {
      name: 'an authority that is not text',
      code: 'INVALID_ARGUMENT',
      endpoint: '127.0.0.1:1',
      options: { authority: 1 as unknown as string },
    },
  ])('are not made for $name', async ({ code, endpoint, options }) => {
    const made = new Promise((resolve) => {
      resolve(grpcChannelOptions(endpoint, options));
    });
    expect((await rejectionOf(made)).code).toBe(code);
  });

  it('are not made for port 0, and the error says what to give instead', async () => {
    const made = new Promise((resolve) => {
      resolve(grpcChannelOptions('127.0.0.1:0'));
    });
    expect(await rejectionOf(made)).toMatchObject({
      endpoint: '127.0.0.1:0',
      hint: expect.stringContaining('listen returned') as string,
    });
  });
});
