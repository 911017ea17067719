import { describe, expect, it } from 'vitest';
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
      assertSocketPathFits(tooLong);
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
    expect(error.message).toMatch(new RegExp(`${socketPathLimitBytes} bytes.*${socketPathLimitBytes + 1}$`));
  });

  it('is checked before a socket is connected', async () => {
    const error = await rejectionOf(connectSocket({ path: tooLong }, new Operation('test')));
    expect(error.code).toBe('PATH_TOO_LONG');
  });
});
