import { run, script, thrownBy } from '@rpcplugin/test-support';
import type { CommandLine } from '@rpcplugin/test-support';
import { describe, expect, it } from 'vitest';
import { listenFdsFromEnv } from '../src/index.js';

const pid = String(process.pid);
/** That of this process is open: it has at least the three of stdio and the one of its event loop. */
const one = { LISTEN_PID: pid, LISTEN_FDS: '1' };

describe('the sockets that were passed to this process are', () => {
  it.each<{ what: string; env: NodeJS.ProcessEnv; found: unknown[] }>([
    { what: 'none without the variables', env: {}, found: [] },
    { what: 'none without LISTEN_PID', env: { LISTEN_FDS: '1' }, found: [] },
    { what: 'none without LISTEN_FDS', env: { LISTEN_PID: pid }, found: [] },
    { what: 'none if they are for another process', env: { LISTEN_PID: '1', LISTEN_FDS: '1' }, found: [] },
    { what: 'those from descriptor 3 on, with their names', env: { ...one, LISTEN_FDNAMES: 'a' }, found: [[3, 'a']] },
    { what: 'unknown by name without LISTEN_FDNAMES', env: one, found: [[3, 'unknown']] },
    { what: 'named by empty text, too', env: { ...one, LISTEN_FDNAMES: '' }, found: [[3, '']] },
    {
      what: 'several',
      env: { LISTEN_PID: pid, LISTEN_FDS: '2', LISTEN_FDNAMES: 'a:b' },
      found: [
        [3, 'a'],
        [4, 'b'],
      ],
    },
  ])('$what', ({ env, found }) => {
    expect(listenFdsFromEnv(env).map(({ fd, name }) => [fd, name])).toEqual(found);
  });
});

describe('a variable that is wrong is refused', () => {
  it.each<{ name: string; env: NodeJS.ProcessEnv; message: string }>([
    ...['', '0', '-1', 'x', '1.5', '1e3', ' 1', '0x1', '01'].flatMap((text) => [
      { name: `LISTEN_PID='${text}'`, env: { ...one, LISTEN_PID: text }, message: `LISTEN_PID cannot be "${text}"` },
      { name: `LISTEN_FDS='${text}'`, env: { ...one, LISTEN_FDS: text }, message: `LISTEN_FDS cannot be "${text}"` },
    ]),
    {
      name: 'too few names',
      env: { ...one, LISTEN_FDS: '2', LISTEN_FDNAMES: 'a' },
      message: 'LISTEN_FDNAMES cannot be',
    },
    { name: 'too many names', env: { ...one, LISTEN_FDNAMES: 'a:b' }, message: 'LISTEN_FDNAMES cannot be "a:b"' },
    { name: 'more than are open', env: { ...one, LISTEN_FDS: '999999999' }, message: 'is not open' },
  ])('$name', ({ env, message }) => {
    const error = thrownBy(() => listenFdsFromEnv(env));
    expect({ code: error.code, hint: typeof error.hint }).toEqual({ code: 'INVALID_ARGUMENT', hint: 'string' });
    expect(error.message).toContain(message);
  });
});

describe('the variables are removed,', () => {
  const names = { ...one, LISTEN_FDNAMES: 'a' };
  it.each<{ what: string; env: NodeJS.ProcessEnv }>([
    { what: 'if they are for this process', env: names },
    { what: 'if they are for another process', env: { ...names, LISTEN_PID: '1' } },
    { what: 'if they are wrong', env: { ...names, LISTEN_FDS: 'x' } },
  ])('$what', ({ env }) => {
    const own = { ...env, OTHER: 'stays' };
    try {
      listenFdsFromEnv(own);
    } catch {
      // That of the wrong one.
    }
    expect(own).toEqual({ OTHER: 'stays' });
  });

  it('by default from process.env', async () => {
    const code = `
      import { listenFdsFromEnv } from '../src/index.js';
      const found = listenFdsFromEnv();
      console.log(JSON.stringify({ found, left: Object.keys(process.env).filter((name) => name.startsWith('LISTEN_')) }));
    `;
    // Its descriptor 3 is that of a file.
    const command: CommandLine = [
      'sh',
      ...['-c', 'LISTEN_PID=$$ exec "$@" 3</dev/null', 'sh'],
      ...script(import.meta.url, code),
    ];
    const { stdout } = await run(command, { env: { LISTEN_FDS: '1', LISTEN_FDNAMES: 'a' } });
    expect(JSON.parse(stdout)).toEqual({ found: [{ fd: 3, name: 'a' }], left: [] });
  });
});
