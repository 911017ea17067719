import { spawn } from 'node:child_process';
import type { ChildProcess, StdioOptions } from 'node:child_process';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { anyRejectionOf, openDescriptors, descriptorsSince, rejectionOf, run, script } from '@rpcplugin/test-support';
import { TransportError } from '@rpcplugin/transport-core';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createIdentity, handshakeEnv, readHandshake } from '../src/index.js';

const agreed = { cookie: { name: 'A_COOKIE', value: 'of the test' }, appVersions: [1, 2] };
const LINE = '1|1|unix|/run/p.sock|grpc';
const HANDSHAKE = { appVersion: 1, network: 'unix', endpoint: 'unix:/run/p.sock', protocol: 'grpc' };

/** Starts a shell script in place of a plugin. It and its children are killed after the test. */
function shell(code: string, stdio: StdioOptions = ['ignore', 'pipe', 'inherit']): ChildProcess {
  const plugin = spawn('sh', ['-c', code], { stdio, detached: true });
  onTestFinished(() => {
    try {
      process.kill(-(plugin.pid ?? NaN), 'SIGKILL');
    } catch {
      // It has ended.
    }
  });
  return plugin;
}

describe('readHandshake', () => {
  it.each([
    ['a line', `echo '${LINE}'; sleep 60`],
    ['a line that ends in \\r\\n', `printf '${LINE}\\r\\n'; sleep 60`],
    ['a line in pieces', `for part in '1|1|un' 'ix|/run/p.' 'sock|gr' 'pc\\n'; do printf "$part"; done; sleep 60`],
    ['a line of a plugin that ends', `echo '${LINE}'`],
    [
      'the line of a plugin that a script starts and leaves',
      `(while kill -0 $$; do sleep 0.01; done; echo '${LINE}'; sleep 60) 2>&- &`,
    ],
  ])('resolves with the fields of %s', async (_, code) => {
    expect(await readHandshake(shell(code), agreed)).toEqual(HANDSHAKE);
  });

  it.each([
    ['ends', ''],
    ['goes on', '; sleep 60'],
  ])('leaves every byte after the line in the stream, of a plugin that %s', async (_, more) => {
    const plugin = shell(`printf '${LINE}\\n\\nfirst\\n'; printf second; exec 1>&-${more}`);
    await readHandshake(plugin, agreed);
    expect(plugin.stdout?.readableFlowing).toBe(null);
    expect(await text(plugin.stdout ?? Readable.from([]))).toBe('\nfirst\nsecond');
  });

  it('leaves a megabyte that follows the line at once', async () => {
    const plugin = shell(`echo '${LINE}'; head -c 1000000 /dev/zero | tr '\\0' x`);
    await readHandshake(plugin, agreed);
    expect(await text(plugin.stdout ?? Readable.from([]))).toBe('x'.repeat(1_000_000));
  });

  it('leaves no listener, timer or descriptor', async () => {
    const plugin = shell(`echo '${LINE}'; sleep 60`, ['ignore', 'pipe', 'pipe']);
    plugin.stderr?.resume();
    const { signal } = new AbortController();
    const listeners = (): number[] =>
      [plugin, plugin.stdout, plugin.stderr].flatMap((emitter) =>
        (emitter?.eventNames() ?? []).map((name) => emitter?.listenerCount(name) ?? NaN),
      );
    const before = { listeners: listeners(), descriptors: openDescriptors() };
    await readHandshake(plugin, { ...agreed, signal });
    expect(listeners()).toEqual(before.listeners);
    expect(descriptorsSince(before.descriptors)).toEqual([]);
  });

  it('lets the host end by itself afterwards', async () => {
    const host = `
      import { spawn } from 'node:child_process';
      import { readHandshake } from '../src/index.js';
      const plugin = spawn('sh', ['-c', "echo '${LINE}'; exec sleep 60"], { stdio: ['ignore', 'pipe', 'ignore'] });
      const agreed = ${JSON.stringify(agreed)};
      const { endpoint } = await readHandshake(plugin, { ...agreed, timeoutMs: Infinity });
      console.log(endpoint, plugin.pid);
      plugin.unref();
      plugin.stdout.unref();`;
    const { stdout, status } = await run(script(import.meta.url, host));
    const [, pid] = /^unix:\/run\/p.sock (\d+)\n$/.exec(stdout) ?? [];
    expect(status).toBe(0);
    process.kill(Number(pid), 'SIGKILL');
  });

  it.each<[what: string, code: string, message: RegExp]>([
    ['exits', 'exit 3', /"sh" exited with code 3 before its handshake line/],
    ['is killed', 'kill -SEGV $$', /"sh" was killed by SIGSEGV/],
    ['closes its output', 'exec >&-; sleep 60', /"sh" closed its standard output/],
    ['ends in the line', `printf '1|1|unix'`, /exited with code 0 .* after printing "1\|1\|unix"/],
  ])('rejects when the plugin %s', async (_, code, message) => {
    const error = await rejectionOf(readHandshake(shell(code), agreed));
    expect(error).toMatchObject({ code: 'IO', hint: expect.stringMatching(/standard error/) as string });
    expect(error.message).toMatch(message);
  });

  it('shows the end of a standard error that is read, with every character visible', async () => {
    const plugin = shell(`printf '%01000d\\n\\033[31mno such database\\n' 0 >&2; exit 1`, ['ignore', 'pipe', 'pipe']);
    const stderr = text(plugin.stderr ?? Readable.from([]));
    const { hint } = await rejectionOf(readHandshake(plugin, agreed));
    expect(hint).toMatch(/^Its standard error ends with:\n0+\n\\u\{1b\}\[31mno such database$/);
    expect(hint?.length).toBeLessThan(1100);
    expect(await stderr).toHaveLength(1001 + 22);
  });

  it.each<[what: string, code: string, hint: RegExp]>([
    ['nothing', 'sleep 60', /printed nothing on standard output.*timeoutMs/],
    ['no line break', `printf '${LINE}'; sleep 60`, /has printed "1\|1\|unix\|.*" without a line break/],
  ])('rejects after the time limit when the plugin prints %s', async (_, code, hint) => {
    const error = await rejectionOf(readHandshake(shell(code), { ...agreed, timeoutMs: 300 }));
    expect(error).toMatchObject({ code: 'TIMEOUT', message: expect.stringContaining('300 ms') as string });
    expect(error.hint).toMatch(hint);
  });

  it.each<[what: string, line: string, code: string, message: RegExp]>([
    ['text before the line', 'Loading', 'INVALID_ARGUMENT', /"Loading"/],
    ['another core version', '2|1|unix|/p|grpc', 'UNSUPPORTED', /core protocol/],
    ['another version of the application', '1|3|unix|/p|grpc', 'UNSUPPORTED', /version 3 .* this host speaks 1, 2/],
    ['net/rpc', '1|1|unix|/p', 'UNSUPPORTED', /net\/rpc/],
    ['a relative path', '1|1|unix|p|grpc', 'INVALID_ENDPOINT', /absolute/],
  ])('rejects %s', async (_, line, code, message) => {
    const error = await rejectionOf(readHandshake(shell(`echo '${line}'; sleep 60`), agreed));
    expect(error).toMatchObject({ code, hint: expect.any(String) as string });
    expect(error.message).toMatch(message);
  });

  it('rejects a plugin without a certificate if the host has one', async () => {
    const { certificate } = await createIdentity();
    const error = await rejectionOf(readHandshake(shell(`echo '${LINE}'; sleep 60`), { ...agreed, certificate }));
    expect(error).toMatchObject({ code: 'UNSUPPORTED', message: 'the plugin has no certificate' });
  });

  it('rejects endless output without a line break, and reads no more of it', async () => {
    const plugin = shell(`head -c 100000000 /dev/zero | tr '\\0' x; sleep 60`);
    const error = await rejectionOf(readHandshake(plugin, agreed));
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', message: expect.stringMatching(/longer than/) as string });
    expect(plugin.stdout?.readableFlowing).not.toBe(true);
  });

  it('rejects when it is aborted, and leaves the plugin running', async () => {
    const controller = new AbortController();
    const plugin = shell('sleep 60');
    const pending = rejectionOf(readHandshake(plugin, { ...agreed, signal: controller.signal }));
    controller.abort(new Error('enough'));
    expect(await pending).toMatchObject({ code: 'ABORTED', cause: { message: 'enough' } });
    expect(plugin.exitCode).toBe(null);
  });

  it.each([
    ['/no/such/plugin', 'NOT_FOUND'],
    ['/dev/null', 'PERMISSION_DENIED'],
  ])('rejects when %s cannot be started, with the error of the system', async (command, code) => {
    const plugin = spawn(command, { stdio: ['ignore', 'pipe', 'inherit'] });
    const error = await rejectionOf(readHandshake(plugin, agreed));
    expect(error).toMatchObject({ code, cause: { syscall: `spawn ${command}` } });
    expect(error.message).toContain(`start "${command}"`);
  });

  it('says why a plugin could not be started, whatever the options', async () => {
    for (const stdio of ['pipe', 'inherit'] as const) {
      const plugin = spawn('/missing/plugin', [], { stdio });
      const error = await rejectionOf(readHandshake(plugin, { ...agreed, timeoutMs: -1 }));
      expect(error).toMatchObject({ code: 'NOT_FOUND', message: expect.stringContaining('/missing/plugin') as string });
    }
  });

  it('says that the plugin has ended, if another process keeps its output open', async () => {
    // Long enough to exit, on a busy machine as well.
    const error = await rejectionOf(readHandshake(shell('sleep 60 & exit 3'), { ...agreed, timeoutMs: 3000 }));
    expect(error).toMatchObject({ code: 'TIMEOUT', hint: expect.stringContaining('exited with code 3') as string });
  });

  it('rejects when its standard output fails or is destroyed', async () => {
    for (const error of [new Error('lost'), undefined]) {
      const plugin = shell('sleep 60');
      const reading = rejectionOf(readHandshake(plugin, agreed));
      plugin.stdout?.destroy(error);
      expect((await reading).code).toBe('IO');
    }
  });

  it('survives a plugin that cannot be started after an abort', async () => {
    const plugin = spawn('/no/such/plugin', { stdio: ['ignore', 'pipe', 'inherit'] });
    const failed = once(plugin.stdout, 'close');
    const pending = readHandshake(plugin, { ...agreed, signal: AbortSignal.abort() });
    expect(await anyRejectionOf(pending)).toBeInstanceOf(TransportError);
    await failed;
  });

  it.each<[what: string, plugin: () => ChildProcess]>([
    ['without a pipe', () => shell('sleep 60', 'ignore')],
    [
      'whose output is read already',
      () => {
        const plugin = shell('sleep 60');
        plugin.stdout?.resume();
        return plugin;
      },
    ],
  ])('rejects a plugin %s', async (_, plugin) => {
    const error = await rejectionOf(readHandshake(plugin(), agreed));
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', hint: expect.stringContaining("'pipe'") as string });
  });

  it('reads the answer of a program that got its environment', async () => {
    const { certificate } = await createIdentity();
    const plugin = `
      import { formatHandshakeLine } from '@rpcplugin/endpoint-utils';
      import { createIdentity, handshakeFromEnv } from '../src/index.js';
      const { appVersion, hostCertificate, multiplexing } = handshakeFromEnv(${JSON.stringify(agreed)});
      const own = await createIdentity();
      if (hostCertificate !== ${JSON.stringify(certificate)}) throw new Error('another certificate');
      const address = { network: 'tcp', endpoint: '127.0.0.1:1', protocol: 'grpc' } as const;
      console.log(formatHandshakeLine({ appVersion, ...address, certificate: own.certificate, multiplexing }));`;
    const [command, ...args] = script(import.meta.url, plugin);
    const launch = { ...agreed, certificate, multiplexing: true };
    const env = { ...process.env, ...handshakeEnv(launch) };
    const handshake = await readHandshake(spawn(command, args, { env, stdio: ['ignore', 'pipe', 'inherit'] }), launch);
    expect(handshake).toMatchObject({ appVersion: 2, endpoint: '127.0.0.1:1', multiplexing: true });
    expect(handshake.certificate).toMatch(/^-----BEGIN CERTIFICATE-----\n/);
  });
});
