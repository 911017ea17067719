import { rejectionOf } from '@rpcplugin/test-support';
import { describe, expect, it } from 'vitest';
import { dialledChannelOptions, targetChannelOptions } from '../src/channel-options.js';
import { grpcChannelOptions } from '../src/index.js';
import { ask } from './service.js';
import { insecure, probeClient, startPlugin } from './support.js';

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

describe('grpcChannelOptions', () => {
  it.each([
    'unix:/run/plugin.sock',
    '/run/plugin.sock',
    './plugin.sock',
    '/run/dns:plugin.sock',
    '127.0.0.1:50051',
    'tcp://127.1.2.3:50051',
    '[::1]:50051',
    '[::ffff:127.0.0.1]:50051',
    '0.0.0.0:50051',
    '[::]:50051',
    'localhost:50051',
  ])('sets the authority localhost for %s, on this machine', (endpoint) => {
    expect(grpcChannelOptions(endpoint)).toStrictEqual({ ...always, ...oneAddress, ...authority('localhost') });
  });

  it.each(['192.0.2.1:50051', '[2001:db8::1]:50051', 'plugin.example:50051', 'ipv4:192.0.2.1:50051', '127.example:1'])(
    'keeps the authority of %s, on another machine',
    (endpoint) => {
      expect(grpcChannelOptions(endpoint)).toStrictEqual({ ...always, ...oneAddress });
    },
  );

  it.each(['unix:/run/plugin.sock', '127.0.0.1:50051', 'plugin.example:50051'])(
    'sets the given authority for %s',
    (endpoint) => {
      expect(grpcChannelOptions(endpoint, { authority: 'other.example' })).toMatchObject(authority('other.example'));
    },
  );

  it('returns a new object each time', () => {
    expect(grpcChannelOptions('127.0.0.1:1')).not.toBe(grpcChannelOptions('127.0.0.1:1'));
  });

  it.each([
    { name: 'a malformed endpoint', code: 'INVALID_ENDPOINT', endpoint: 'plugin', options: {} },
    { name: 'an http URL', code: 'INVALID_ENDPOINT', endpoint: 'http://localhost:50051/plugin', options: {} },
    { name: 'an https URL', code: 'INVALID_ENDPOINT', endpoint: 'https://localhost:50051/plugin', options: {} },
    { name: 'a target of gRPC', code: 'INVALID_ENDPOINT', endpoint: 'xds:///plugin', options: {} },
    { name: 'a list', code: 'INVALID_ENDPOINT', endpoint: 'ipv4:127.0.0.1:1,127.0.0.1:2', options: {} },
    { name: 'a target with a line break', code: 'INVALID_ENDPOINT', endpoint: 'dns:///plugin.example\n', options: {} },
    { name: 'a list without a scheme', code: 'INVALID_ENDPOINT', endpoint: 'a:1,b:1', options: {} },
    {
      name: 'an endpoint that is not a string',
      code: 'INVALID_ENDPOINT',
      endpoint: undefined as unknown as string,
      options: {},
    },
    {
      name: 'an authority that is not a string',
      code: 'INVALID_ARGUMENT',
      endpoint: '127.0.0.1:1',
      options: { authority: 1 as unknown as string },
    },
  ])('throws $code for $name', async ({ code, endpoint, options }) => {
    const made = new Promise((resolve) => {
      resolve(grpcChannelOptions(endpoint, options));
    });
    expect((await rejectionOf(made)).code).toBe(code);
  });
});

describe('connectGrpc', () => {
  it('lets channelOptions override the defaults', async () => {
    const { endpoint } = await startPlugin('unix');
    const channelOptions = { 'grpc.default_authority': 'mine.example' };
    const client = await probeClient(endpoint, insecure, { channelOptions });
    expect(await ask(client, 'origin')).toMatch(/^mine\.example\n/);
  });

  it.each([
    ['tcp', 'plugin.example:1', undefined, 'plugin.example:1', 'plugin.example'],
    ['tcp', '[2001:db8::1]:1', undefined, '[2001:db8::1]:1', '2001:db8::1'],
    ['tcp', '127.0.0.1:1', undefined, 'localhost', 'localhost'],
    ['tcp', 'plugin.example:1', 'other.example', 'other.example', 'other.example'],
    ['unix', '/run/plugin.sock', undefined, 'localhost', 'localhost'],
    ['memory', 'plugin.example:1', undefined, 'localhost', 'localhost'],
  ])('on the network %s to %s with the authority %s calls %s and verifies %s', (network, endpoint, given, ...names) => {
    expect(dialledChannelOptions(network, endpoint, given)).toStrictEqual({
      ...always,
      ...oneAddress,
      'grpc.default_authority': names[0],
      'grpc.ssl_target_name_override': names[1],
    });
  });
});

describe('connectGrpcTarget', () => {
  it.each([
    'dns:///plugin.example:1',
    'dns:plugin.example:1',
    'plugin.example:1',
    'plugin.example',
    'kv:1',
    'ipv4:192.0.2.1:1',
    '192.0.2.1:1',
    'ipv6:[2001:db8::1]:1',
    '[2001:db8::1]:1',
    'DNS:///a:1',
  ])('leaves the HTTP proxy for %s to gRPC', (target) => {
    expect(targetChannelOptions(target, undefined)).toStrictEqual(always);
  });

  it.each([
    'ipv4:192.0.2.1:1,192.0.2.2:1',
    'a:1,b:1',
    'xds:///plugin',
    'etcd:///plugin',
    'xds:kv',
    'etcd:kv',
    'etcd:kv:1',
  ])('uses no HTTP proxy for %s', (target) => {
    expect(targetChannelOptions(target, undefined)).toStrictEqual({ ...always, 'grpc.enable_http_proxy': 0 });
  });
});
