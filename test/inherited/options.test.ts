// What the option `fd` cannot be, over unix and TCP.
import { run, script, thrownBy } from '@rpcplugin/test-support';
import { TCPSocketTransport } from '@rpcplugin/transport-tcp';
import { UnixSocketTransport } from '@rpcplugin/transport-unix';
import { describe, expect, it } from 'vitest';
import { networks } from './support.js';

const transports = { unix: UnixSocketTransport, tcp: TCPSocketTransport } as const;

describe.each(networks)('the option fd of a %s transport', (network) => {
  it.each([-1, 1.5, NaN, Infinity, 2 ** 31, '3', null, true, {}])('cannot be %j', (fd) => {
    const error = thrownBy(() => new transports[network]({ fd: fd as number }));
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', hint: 'Give an integer from 0 to 2147483647.' });
    expect(error.message).toMatch(/^fd cannot be /);
  });

  it('cannot be a descriptor that is not open', () => {
    const error = thrownBy(() => new transports[network]({ fd: 2 ** 31 - 1 }));
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', message: 'descriptor 2147483647 is not open' });
    expect(error.cause).toMatchObject({ code: 'EBADF' });
  });

  it('cannot be used in a worker of node:cluster, whose primary would listen on its own descriptor', async () => {
    const code = `
      import cluster from 'node:cluster';
      import { thrownBy } from '@rpcplugin/test-support/process';
      import { TCPSocketTransport } from '@rpcplugin/transport-tcp';
      import { UnixSocketTransport } from '@rpcplugin/transport-unix';
      if (cluster.isPrimary) cluster.fork().on('message', (message) => console.log(message));
      else {
        const Transport = process.argv[2] === 'unix' ? UnixSocketTransport : TCPSocketTransport;
        const { code, hint } = thrownBy(() => new Transport({ fd: 0 }));
        process.send(code + ': ' + hint, () => process.disconnect());
      }
    `;
    const { stdout } = await run(script(import.meta.url, code, network));
    expect(stdout).toBe('UNSUPPORTED: Start the process with child_process.spawn.\n');
  });
});

it.each([
  { other: 'directory', options: { directory: '/run' } },
  { other: 'mode', options: { mode: 0o600 } },
  { other: 'group', options: { group: 0 } },
])('a unix transport cannot have fd and $other', ({ other, options }) => {
  expect(thrownBy(() => new UnixSocketTransport({ fd: 0, ...options }))).toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: `fd and ${other} cannot both be given`,
    hint: `Give either fd or ${other}.`,
  });
});

it.each([
  { other: 'host', options: { host: '127.0.0.1' } },
  { other: 'port', options: { port: 0 } },
])('a TCP transport cannot have fd and $other', ({ other, options }) => {
  expect(thrownBy(() => new TCPSocketTransport({ fd: 0, ...options }))).toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: `fd and ${other} cannot both be given`,
    hint: `Give either fd or ${other}.`,
  });
});
