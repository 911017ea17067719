import { once } from 'node:events';
import { closeSync, fstatSync, openSync } from 'node:fs';
import { connect, Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import type { Duplex } from 'node:stream';
import { text } from 'node:stream/consumers';
import {
  closeAfterTest,
  closed,
  plainListener,
  portOf,
  rejectionOf,
  spawnProgram,
  turns,
  typescript,
} from '@rpcplugin/test-support';
import type { ProgramOptions } from '@rpcplugin/test-support';
import { describe, expect, it, onTestFinished } from 'vitest';
import { StdioTransport } from '../src/index.js';
import type { StdioTransportOptions } from '../src/index.js';
import { pipeEnds, socketEnds } from './ends.js';
import type { Ends } from './ends.js';
import { readLine } from './handshake-line.js';

function host(options: StdioTransportOptions): StdioTransport {
  return closeAfterTest(new StdioTransport(options));
}

/** Starts `children/echoes.ts`. */
function startPlugin(args: string[], options?: ProgramOptions): ReturnType<typeof spawnProgram> {
  const command = typescript(new URL('children/echoes.ts', import.meta.url), ...args);
  return spawnProgram(command, options, ['pipe', 'pipe', 'pipe', 'pipe']);
}

function duplexOf(child: ReturnType<typeof spawnProgram>): Duplex {
  return child.stdio[3] as unknown as Duplex;
}

async function only(pairs: readonly Ends[] | Promise<readonly Ends[]>): Promise<Ends['ends']> {
  const [pair] = await pairs;
  if (pair === undefined) throw new Error('unreachable');
  onTestFinished(pair.close);
  return pair.ends;
}

describe('a connection over one descriptor', () => {
  it('is a net.Socket at both ends', async () => {
    const [near, far] = (await only(socketEnds(1))).map(host) as [StdioTransport, StdioTransport];
    const accepted = new Promise((resolve) => void far.listen({ onConnection: resolve }));
    expect(await near.connect('stdio:')).toBeInstanceOf(Socket);
    expect(await accepted).toBeInstanceOf(Socket);
  });

  it('delivers what the host wrote before the plugin listened', async () => {
    const connection = await host({ duplex: duplexOf(startPlugin([])) }).connect('stdio:', { allowHalfOpen: true });
    connection.end('early');
    expect(await text(connection)).toBe('early');
  });

  it('closes the descriptor when it closes', async () => {
    const child = startPlugin([]);
    (await host({ duplex: duplexOf(child) }).connect('stdio:')).end();
    expect(await text(child.stderr)).toBe('open: \n');
  });

  it('ends with the plugin, although a child process of it lives on', async () => {
    const child = startPlugin([], { env: { WITH_CHILD: '1' } });
    const connection = await host({ duplex: duplexOf(child) }).connect('stdio:');
    connection.write('hello');
    expect(String((await once(connection, 'data'))[0])).toBe('hello');
    const ended = closed(connection);
    child.kill('SIGKILL');
    await ended;
  });
});

describe('a connection over standard input and output', () => {
  it('has all that arrives right after the handshake line', async () => {
    const child = startPlugin(['0', '1']);
    expect(await readLine(child.stdout)).toBe('the line');
    const transport = host({ input: child.stdout, output: child.stdin });
    const connection = await transport.connect('stdio:', { allowHalfOpen: true });
    connection.end('world');
    expect(await text(connection)).toBe('hello world');
  });

  it('ends for the host when the plugin closes it, while Node keeps the descriptors open', async () => {
    const child = startPlugin(['0', '1']);
    (await host({ input: child.stdout, output: child.stdin }).connect('stdio:')).resume().end();
    expect(await text(child.stderr)).toBe('open: 0 1\n');
  });
});

describe('a connection over two pipes', () => {
  it('is destroyed with the error of a half', async () => {
    const [input, output] = [new PassThrough(), new PassThrough()];
    const connection = await host({ input, output }).connect('stdio:');
    const failed = once(connection, 'error');
    output.destroy(new Error('broken'));
    await expect(failed).resolves.toMatchObject([{ message: 'broken' }]);
    expect(input.destroyed).toBe(true);
  });

  it('closes when its input is destroyed', async () => {
    const halves = { input: new PassThrough(), output: new PassThrough() };
    const connection = await host(halves).connect('stdio:');
    halves.input.destroy();
    await closed(connection);
    expect(halves.output.destroyed).toBe(true);
  });

  it('is read to its end when its output is destroyed, as Node does with that of a process that has exited', async () => {
    const halves = { input: new PassThrough(), output: new PassThrough() };
    const connection = await host(halves).connect('stdio:', { pauseOnConnect: true });
    halves.input.end('last words');
    halves.output.destroy();
    await once(halves.output, 'close');
    expect(await text(connection)).toBe('last words');
    await closed(connection);
  });

  it('is refused to a second transport, which would close a descriptor of something else later', async () => {
    const [ends] = (await only(pipeEnds(1))) as [StdioTransportOptions, StdioTransportOptions];
    const [first, second] = [host(ends), host(ends)];
    await first.connect('stdio:', { pauseOnConnect: true });
    expect((await rejectionOf(second.connect('stdio:', { pauseOnConnect: true }))).code).toBe('ADDRESS_IN_USE');
    await second.close();
    expect(fstatSync(Number(ends.input)).isFIFO()).toBe(true);
  });

  it('refuses an input that is read as text', async () => {
    const halves = { input: new PassThrough().setEncoding('utf8'), output: new PassThrough() };
    const error = await rejectionOf(host(halves).connect('stdio:'));
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', hint: expect.stringContaining('bytes') as string });
  });

  it('that fails right after listen reaches no handler, and does not keep close waiting', async () => {
    const halves = { input: new PassThrough(), output: new PassThrough() };
    const plugin = host(halves);
    const accepted: Duplex[] = [];
    await plugin.listen({ onConnection: (connection) => void accepted.push(connection) });
    halves.input.destroy(new Error('broken'));
    await closed(halves.input);
    await plugin.close();
    expect(accepted).toEqual([]);
  });

  it('writes chunks that wait together at once', async () => {
    const [near, far] = (await only(pipeEnds(1))).map(host) as [StdioTransport, StdioTransport];
    const accepted = new Promise<Duplex>((resolve) => void far.listen({ onConnection: resolve, allowHalfOpen: true }));
    const connection = await near.connect('stdio:');
    connection.cork();
    for (const chunk of ['a', 'b', 'c']) connection.write(chunk);
    connection.uncork();
    connection.end();
    expect(await text(await accepted)).toBe('abc');
  });
});

describe('a connection with pauseOnConnect', () => {
  it('reads nothing from a descriptor before it is resumed', async () => {
    const child = startPlugin([], { env: { PAUSED: '1' } });
    const connection = await host({ duplex: duplexOf(child) }).connect('stdio:', { allowHalfOpen: true });
    await new Promise((resolve) => connection.write('early', resolve));
    child.stdin.write('written');
    expect(String((await once(child.stderr, 'data'))[0])).toBe('read: 0\n');
    connection.end();
    expect(await text(connection)).toBe('early');
  });

  it('reads nothing from two pipes before it is resumed', async () => {
    const [near, far] = (await only(pipeEnds(1))).map(host) as [StdioTransport, StdioTransport];
    const accepted = new Promise<Duplex>((resolve) => {
      void far.listen({ onConnection: resolve, pauseOnConnect: true });
    });
    const connection = await near.connect('stdio:');
    await new Promise((resolve) => connection.write('early', resolve));
    const paused = await accepted;
    await turns(30);
    expect(paused.readableLength).toBe(0);
    paused.resume();
    expect(String((await once(paused, 'data'))[0])).toBe('early');
  });
});

it('connect rejects with CONNECTION_REFUSED once the plugin has gone', async () => {
  const child = startPlugin([]);
  const duplex = duplexOf(child);
  child.kill('SIGKILL');
  await closed(duplex);
  expect(await rejectionOf(host({ duplex }).connect('stdio:'))).toMatchObject({
    code: 'CONNECTION_REFUSED',
    endpoint: 'stdio:',
    hint: expect.stringContaining('standard error') as string,
  });
});

it('connect does not take a descriptor that this process opens while it waits', async () => {
  const server = await plainListener({ host: '127.0.0.1', port: 0 });
  const fd = openSync(import.meta.filename, 'r');
  closeSync(fd);
  const connecting = rejectionOf(host({ fd }).connect('stdio:', { waitMs: 100 }));
  await turns(3);
  // The first of them gets the lowest number that is free.
  const sockets = [0, 1, 2].map(() => connect({ host: '127.0.0.1', port: portOf(server) }));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
  });
  await Promise.all(sockets.map((socket) => once(socket, 'connect')));
  expect(fstatSync(fd).isSocket()).toBe(true);
  expect((await connecting).code).toBe('NOT_FOUND');
  expect(sockets.map(({ destroyed }) => destroyed)).toEqual([false, false, false]);
});

it('close of a transport without a connection leaves the descriptors alone', async () => {
  const [pair] = await socketEnds(1);
  if (pair === undefined) throw new Error('unreachable');
  onTestFinished(pair.close);
  await new StdioTransport(pair.ends[0]).close();
  expect(pair.sockets[0].destroyed).toBe(false);
});
