import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { rejectionOf, thrownBy } from '@rpcplugin/test-support';
import { describe, expect, it, onTestFinished } from 'vitest';
import { assertSocketPathFits, connectSocket, Operation, socketPathLimitBytes } from '../src/index.js';

const tooLong = `/${'x'.repeat(socketPathLimitBytes)}`;

describe('socketPathLimitBytes', () => {
  it.runIf(process.platform === 'linux')('is the size of sun_path less a NUL on Linux', () => {
    expect(socketPathLimitBytes).toBe(107);
  });

  it.runIf(process.platform === 'darwin')('is the size of sun_path less a NUL on macOS', () => {
    expect(socketPathLimitBytes).toBe(103);
  });
});

describe('assertSocketPathFits', () => {
  it('accepts a path at the limit', () => {
    expect(() => {
      assertSocketPathFits('x'.repeat(socketPathLimitBytes));
    }).not.toThrow();
  });

  it('rejects a path one byte over the limit', () => {
    const error = thrownBy(() => {
      assertSocketPathFits(tooLong, `unix:${tooLong}`);
    });
    expect(error).toMatchObject({ code: 'PATH_TOO_LONG', endpoint: `unix:${tooLong}` });
  });

  it('counts bytes, not characters', () => {
    const error = thrownBy(() => {
      assertSocketPathFits('é'.repeat(Math.ceil((socketPathLimitBytes + 1) / 2)));
    });
    expect(error.code).toBe('PATH_TOO_LONG');
  });

  it('names the limit and the length of the path', () => {
    const error = thrownBy(() => {
      assertSocketPathFits(tooLong);
    });
    expect(error.message).toMatch(new RegExp(`${socketPathLimitBytes} bytes.*has ${socketPathLimitBytes + 1}$`));
  });

  it.runIf(process.platform === 'linux')('does not check abstract names, which may be one byte longer', async () => {
    // The name of an abstract socket starts with a NUL and does not end with one (unix(7)).
    const path = `\0${randomUUID()}`.padEnd(108, 'x');
    const server = createServer().listen(path);
    onTestFinished(() => void server.close());
    await once(server, 'listening');
    const socket = await connectSocket({ path }, { allowHalfOpen: false, operation: new Operation('test') });
    socket.destroy();
  });

  it('runs before connectSocket connects', async () => {
    const error = await rejectionOf(
      connectSocket({ path: tooLong }, { allowHalfOpen: false, operation: new Operation('test') }),
    );
    expect(error.code).toBe('PATH_TOO_LONG');
  });
});
