import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, onTestFinished } from 'vitest';
import { makeDirectory, removeDirectory } from './directories.js';

/** Makes an empty directory that is removed after the test. */
export async function freshDirectory(mode = 0o700): Promise<string> {
  const directory = await makeDirectory(mode);
  onTestFinished(() => removeDirectory(directory));
  return directory;
}

/** Makes an empty directory for all tests of a file, removed after them. Call it outside of tests. */
export function sharedDirectory(mode = 0o700): string {
  const directory = mkdtempSync(join(tmpdir(), 'rpc-test-'));
  chmodSync(directory, mode);
  afterAll(() => {
    rmSync(directory, { recursive: true });
  });
  return directory;
}
