import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { codeBlocks } from '@rpcplugin/test-support';

const guide = readFileSync(new URL('../../docs/other-machines.md', import.meta.url), 'utf8');

/** Makes the certificates in a directory, by the commands in docs/other-machines.md. */
export async function makeCertificates(directory: string): Promise<void> {
  const commands = codeBlocks(guide, 'sh').find((block) => block.includes('openssl'));
  await promisify(execFile)('sh', ['-ec', commands ?? ''], { cwd: directory });
}
