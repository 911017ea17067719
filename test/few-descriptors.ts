import { bundle, limitDescriptors, sharedDirectory, startControlled } from '@rpcplugin/test-support';
import type { Child, ProgramOptions } from '@rpcplugin/test-support';
import type { Command, Reply } from './few-descriptors-child.js';

/** What Node and the IPC channel need, and a few more. */
const DESCRIPTORS = 64;

const directory = sharedDirectory();
const entry = new URL('few-descriptors-child.ts', import.meta.url);
const program = bundle(entry);

/** A child process with few file descriptors. */
export type FewDescriptorsChild = Child<Command, Reply>;

/**
 * @param variant - The kind of transport it has.
 * @param temporary - Its `TMPDIR`. Default: a directory that is removed after the tests of the file.
 */
export function startWithFewDescriptors(
  variant: string,
  { temporary = directory, ...options }: ProgramOptions & { temporary?: string } = {},
): Promise<FewDescriptorsChild> {
  const command = limitDescriptors(DESCRIPTORS, [process.execPath, program, variant]);
  return startControlled<Command, Reply>(command, { env: { TMPDIR: temporary }, ...options });
}
