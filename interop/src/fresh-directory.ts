import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** An empty directory, removed when the test is over. */
export async function freshDirectory(mode = 0o700): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'interop-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  await chmod(directory, mode);
  return directory;
}

/** Everything in a directory and below it. */
export async function entries(directory: string): Promise<string[]> {
  return (await readdir(directory, { recursive: true })).sort();
}
