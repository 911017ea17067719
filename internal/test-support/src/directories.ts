import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Makes an empty directory for {@link removeDirectory} to remove. */
export async function makeDirectory(mode = 0o700): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'rpc-test-'));
  await chmod(directory, mode);
  return directory;
}

/** Removes a directory and its contents. */
export async function removeDirectory(directory: string): Promise<void> {
  await rm(directory, { recursive: true });
}

/** The paths of everything in a directory and its subdirectories, sorted. */
export async function entriesOf(directory: string): Promise<string[]> {
  return (await readdir(directory, { recursive: true })).sort();
}
