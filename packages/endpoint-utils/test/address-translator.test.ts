import { thrownBy } from '@rpcplugin/test-support';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { composeTranslators, pathTranslator, portTranslator } from '../src/index.js';
import type { AddressTranslator } from '../src/index.js';

const volumes = pathTranslator({
  '/run/plugin': '/srv/plugins/1',
  '/run/plugin/more/': '/data/more',
  '/tmp': '/var/tmp/plugin-1/',
});
const published = portTranslator({ ports: { 50051: 32768, 50052: 32769 }, hostAt: 'host.docker.internal' });
const nested = pathTranslator({ '/mnt': '/srv/a', '/mnt/data': '/srv/b' });

/** Expects that each is what the other becomes, in both directions. */
function expectPair({ pluginToHost, hostToPlugin }: AddressTranslator, plugin: string, host: string): void {
  expect(pluginToHost(plugin)).toBe(host);
  expect(hostToPlugin(host)).toBe(plugin);
}

describe('pathTranslator', () => {
  it.each([
    ['unix:/run/plugin/p.sock', 'unix:/srv/plugins/1/p.sock'],
    ['unix:/run/plugin/a/b.sock', 'unix:/srv/plugins/1/a/b.sock'],
    ['unix:/run/plugin/more/p.sock', 'unix:/data/more/p.sock'],
    ['unix:/tmp/p.sock', 'unix:/var/tmp/plugin-1/p.sock'],
    ['127.0.0.1:50051', '127.0.0.1:50051'],
  ])('turns the plugin’s %s into the host’s %s, and back', (plugin, host) => {
    expectPair(volumes, plugin, host);
  });

  it('accepts endpoints in every form', () => {
    expect(volumes.pluginToHost('unix:///tmp/p.sock')).toBe('unix:/var/tmp/plugin-1/p.sock');
    expect(volumes.hostToPlugin('/data/more/p.sock')).toBe('unix:/run/plugin/more/p.sock');
  });

  it('ignores repeated slashes and dots in paths', () => {
    expect(volumes.pluginToHost('unix:/run//plugin/./more//p.sock')).toBe('unix:/data/more/p.sock');
    expectPair(pathTranslator({ '//mnt/.//': '/srv/' }), 'unix:/mnt/p.sock', 'unix:/srv/p.sock');
  });

  it('refuses a path that another directory hides on the other side', () => {
    expectPair(nested, 'unix:/mnt/data/x', 'unix:/srv/b/x');
    expectPair(nested, 'unix:/mnt/x', 'unix:/srv/a/x');
    const error = thrownBy(() => nested.hostToPlugin('unix:/srv/a/data/x'));
    expect(error).toMatchObject({ code: 'INVALID_ENDPOINT', endpoint: 'unix:/srv/a/data/x' });
  });

  it('translates to and from the root directory', () => {
    expectPair(pathTranslator({ '/': '/srv/root' }), 'unix:/run/p.sock', 'unix:/srv/root/run/p.sock');
    expectPair(pathTranslator({ '/host': '/' }), 'unix:/host/run/p.sock', 'unix:/run/p.sock');
  });

  it.each([
    ['another directory', 'unix:/run/p.sock'],
    ['a directory that only begins with the same letters', 'unix:/run/plugins/p.sock'],
    ['the directory itself', 'unix:/run/plugin'],
    ['a relative path', 'unix:p.sock'],
    ['a path that leads out of the directory', 'unix:/run/plugin/../../etc/p.sock'],
    ['what the other side sees', 'unix:/srv/plugins/1/p.sock'],
  ])('refuses %s, which the other side cannot see', (_what, endpoint) => {
    const error = thrownBy(() => volumes.pluginToHost(endpoint));
    expect(error).toMatchObject({ code: 'INVALID_ENDPOINT', endpoint });
    expect(error.message).toContain('"/run/plugin", "/run/plugin/more", "/tmp"');
  });

  it('names the directories of the side that listens', () => {
    expect(thrownBy(() => volumes.hostToPlugin('unix:/x/h.sock')).message).toContain('"/srv/plugins/1"');
    expect(thrownBy(() => pathTranslator({}).pluginToHost('unix:/x/p.sock')).message).toContain('there is none');
  });

  it('gives back any endpoint in a shared directory that it translated', () => {
    const segment = fc.stringMatching(/^[\w .-]{1,12}$/).filter((text) => !/^[.]{1,2}$/.test(text));
    const directory = fc.constantFrom('/run/plugin', '/run/plugin/more', '/tmp');
    fc.assert(
      fc.property(directory, fc.array(segment, { minLength: 1, maxLength: 4 }), (where, segments) => {
        const endpoint = `unix:${where}/${segments.join('/')}`;
        expect(volumes.hostToPlugin(volumes.pluginToHost(endpoint))).toBe(endpoint);
      }),
    );
  });

  it.each<[what: string, directories: unknown]>([
    ['a relative path of the plugin', { run: '/srv' }],
    ['a relative path of the host', { '/run': 'srv' }],
    ['a path with `..`', { '/run/../tmp': '/srv' }],
    ['a path that is not text', { '/run': 1 }],
    ['a path with a control character', { '/run\n': '/srv' }],
    ['one directory of the host under two paths', { '/run': '/srv', '/tmp': '/srv/' }],
    ['one directory of the plugin twice', { '/run': '/srv/1', '/run/': '/srv/2' }],
    ['a list', [['/run', '/srv']]],
    ['nothing', undefined],
    ['null', null],
  ])('rejects %s with INVALID_ARGUMENT', (_what, directories) => {
    const error = thrownBy(() => pathTranslator(directories as Record<string, string>));
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', hint: expect.any(String) as string });
  });
});

describe('portTranslator', () => {
  it.each([
    ['0.0.0.0:50051', '127.0.0.1:32768'],
    ['[::]:50052', '127.0.0.1:32769'],
    ['unix:/run/p.sock', 'unix:/run/p.sock'],
  ])('turns the plugin’s %s into %s, where the port is published', (plugin, host) => {
    expect(published.pluginToHost(plugin)).toBe(host);
  });

  it.each([
    ['127.0.0.1:40000', 'host.docker.internal:40000'],
    // A published port leads one way.
    ['127.0.0.1:32768', 'host.docker.internal:32768'],
    ['unix:/srv/h.sock', 'unix:/srv/h.sock'],
  ])('turns the host’s %s into %s for the plugin', (host, plugin) => {
    expect(published.hostToPlugin(host)).toBe(plugin);
  });

  it('refuses a port that is not published, which would lead to something else', () => {
    for (const endpoint of ['0.0.0.0:50053', '0.0.0.0:32768']) {
      const error = thrownBy(() => published.pluginToHost(endpoint));
      expect(error).toMatchObject({ code: 'INVALID_ENDPOINT', endpoint });
      expect(error.message).toContain('50051, 50052');
    }
  });

  it('reaches a plugin that has an address of its own', () => {
    const { pluginToHost } = portTranslator({ pluginAt: '2001:DB8::2' });
    expect(pluginToHost('0.0.0.0:50051')).toBe('[2001:db8::2]:50051');
  });

  it('leaves the address of the host as it is by default', () => {
    expect(portTranslator({}).hostToPlugin('10.0.0.1:40000')).toBe('10.0.0.1:40000');
  });

  it.each<[what: string, options: unknown]>([
    ['port 0', { ports: { 0: 1 } }],
    ['a port over 65535', { ports: { 1: 65536 } }],
    ['a port that is not a number', { ports: { ssh: 22 } }],
    ['a port that is text', { ports: { 1: '2' } }],
    ['one port of the host twice', { ports: { 1: 3, 2: 3 } }],
    ['ports that are a list', { ports: [1] }],
    ['a host with a port', { pluginAt: '10.0.0.2:1' }],
    ['a host that is no name', { hostAt: 'a host' }],
    ['a host that is not text', { hostAt: 1 }],
    ['an empty host', { pluginAt: '' }],
    ['no options', undefined],
  ])('rejects %s with INVALID_ARGUMENT', (_what, options) => {
    const error = thrownBy(() => portTranslator(options as object));
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', hint: expect.any(String) as string });
  });
});

it.each([volumes, published])('leaves endpoints of other networks as they are', ({ pluginToHost, hostToPlugin }) => {
  for (const endpoint of ['stdio:', 'pipe:/run/p', 'nonsense']) {
    expect([pluginToHost(endpoint), hostToPlugin(endpoint)]).toEqual([endpoint, endpoint]);
  }
  expect(thrownBy(() => pluginToHost(1 as never)).code).toBe('INVALID_ENDPOINT');
});

it.each([undefined, null, 3, {}, { pluginToHost: String }])('composeTranslators rejects %j', (translator) => {
  expect(thrownBy(() => composeTranslators(volumes, translator as never)).code).toBe('INVALID_ARGUMENT');
});

it('composeTranslators applies several, in opposite order on the way back', () => {
  const machine = pathTranslator({ '/srv/plugins': '/vm/1/plugins' });
  const container = pathTranslator({ '/run/plugin': '/srv/plugins/1' });
  const both = composeTranslators(container, machine, published);
  expectPair(both, 'unix:/run/plugin/p.sock', 'unix:/vm/1/plugins/1/p.sock');
  expect(both.pluginToHost('0.0.0.0:50051')).toBe('127.0.0.1:32768');
  expect(composeTranslators().pluginToHost('a:1')).toBe('a:1');
});
