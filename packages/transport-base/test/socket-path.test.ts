import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { assertSocketPathFits, connectSocket, Operation, socketPathLimitBytes } from '../src/index.js';
import { rejectionOf, thrownBy } from './support.js';

const tooLong = `/${'x'.repeat(socketPathLimitBytes)}`;

describe('socketPathLimitBytes', () => {
  it.runIf(process.platform === 'linux')('is what sun_path holds on Linux, less a NUL', () => {
    expect(socketPathLimitBytes).toBe(107);
  });

  it.runIf(process.platform === 'darwin')('is what sun_path holds on macOS, less a NUL', () => {
    expect(socketPathLimitBytes).toBe(103);
  });
});

describe('assertSocketPathFits', () => {
  it('takes a path of exactly the limit', () => {
    expect(() => {
      assertSocketPathFits('x'.repeat(socketPathLimitBytes));
    }).not.toThrow();
  });

  it('refuses a path of one byte more', () => {
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

  it('says how long the path is and how long it may be', () => {
    const error = thrownBy(() => {
      assertSocketPathFits(tooLong);
    });
    expect(error.message).toMatch(new RegExp(`${socketPathLimitBytes} bytes.*has ${socketPathLimitBytes + 1}$`));
  });

  it.runIf(process.platform === 'linux')(
    'does not limit names without a file, which reach one byte further',
    async () => {
      // An abstract socket (unix(7)): its name starts with a NUL, and has no final one.
      const path = `\0${randomUUID()}`.padEnd(108, 'x');
      const server = createServer().listen(path);
      onTestFinished(() => void server.close());
      await once(server, 'listening');
      const socket = await connectSocket({ path }, { allowHalfOpen: false, operation: new Operation('test') });
      socket.destroy();
    },
  );

  it('is checked before a socket is connected', async () => {
    const error = await rejectionOf(
      connectSocket({ path: tooLong }, { allowHalfOpen: false, operation: new Operation('test') }),
    );
    expect(error.code).toBe('PATH_TOO_LONG');
  });
});
