import { chmodSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  interface ProvidedContext {
    /** The directory of the programs that tests bundle. */
    programs: string;
  }
}

/** Vitest calls this before all tests of a run. */
export default function setup(project: TestProject): () => void {
  const directory = mkdtempSync(join(tmpdir(), 'rpc-programs-'));
  // Some programs run as other users.
  chmodSync(directory, 0o755);
  project.provide('programs', directory);
  project.onTestsRerun(() => {
    for (const name of readdirSync(directory)) rmSync(join(directory, name));
  });
  return () => {
    rmSync(directory, { recursive: true });
  };
}
