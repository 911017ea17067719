export type CommandLine = readonly [program: string, ...args: string[]];

/**
 * Options of `node`, started in a package of the workspace, to load TypeScript and the packages' sources. The first
 * TypeScript module on each way is bundled with all that it imports, under its own URL.
 */
export const sourceLoader = ['--conditions=@rpcplugin/source', '--import', '@rpcplugin/test-support/loader'] as const;

/** The command line that runs a program with a limit on its file descriptors. */
export function limitDescriptors(limit: number, command: CommandLine): CommandLine {
  // Node 24 reads the certificates in the background as it starts, and would free a descriptor at any time.
  return ['sh', '-c', `ulimit -n ${limit}; unset NODE_EXTRA_CA_CERTS; exec "$@"`, 'sh', ...command];
}
