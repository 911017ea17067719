import { run, typescript } from '@rpcplugin/test-support';
import { expect, it } from 'vitest';

// `pnpm soak 600` does the same for ten minutes.
it('repeated listens, connects and closes leave nothing and use no more memory', { timeout: 120_000 }, async () => {
  const { status, stdout, stderr } = await run(typescript(new URL('soak.ts', import.meta.url), '3'));
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(JSON.parse(stdout)).toMatchObject({ seconds: 3 });
});
