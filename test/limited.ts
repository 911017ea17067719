import { join } from 'node:path';
import { bundle, limitDescriptors, sharedDirectory, startControlled } from '@rpcplugin/test-support';
import type { Child, ProgramOptions } from '@rpcplugin/test-support';
import type { Command, Reply } from './limited-child.js';

/** What Node and the channel to the parent need, and some more. */
const DESCRIPTORS = 64;

const directory = sharedDirectory();
const program = await bundle(new URL('limited-child.ts', import.meta.url), join(directory, 'limited-child.mjs'));

/** Another process, which has few descriptors. */
export type Limited = Child<Command, Reply>;

/**
 * @param variant - What kind of transport it has.
 * @param temporary - In which directory it makes others. Default: one that is removed after the tests of the file.
 */
export function startLimited(
  variant: string,
  { temporary = directory, ...options }: ProgramOptions & { temporary?: string } = {},
): Promise<Limited> {
  const command = limitDescriptors(DESCRIPTORS, [process.execPath, program, variant]);
  return startControlled<Command, Reply>(command, { env: { TMPDIR: temporary }, ...options });
}
