import { chmodSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  interface ProvidedContext {
    /** The directory of the programs that tests bundle. */
    programs: string;
    /** Variables for programs that download. */
    downloads: NodeJS.ProcessEnv;
  }
}

/** Vitest calls this before all tests of a run. */
export default function setup(project: TestProject): () => void {
  const directory = mkdtempSync(join(tmpdir(), 'rpc-programs-'));
  // Some programs run as other users.
  chmodSync(directory, 0o755);
  project.provide('programs', directory);
  // Node 20 and 22 read this file whenever they start. With a machine's certificates, that takes longer than all else.
  const { NODE_EXTRA_CA_CERTS } = process.env;
  project.provide('downloads', { NODE_EXTRA_CA_CERTS });
  delete process.env['NODE_EXTRA_CA_CERTS'];
  project.onTestsRerun(() => {
    for (const name of readdirSync(directory)) rmSync(join(directory, name));
  });
  return () => {
    rmSync(directory, { recursive: true });
  };
}
