export type CommandLine = readonly [program: string, ...args: string[]];

/** Options of `node` to load TypeScript, and the workspace's packages from their sources. */
export const sourceLoader = ['--conditions=@rpcplugin/source', '--import', 'tsx'] as const;

/** The command line that runs a program with a limit on its file descriptors. */
export function limitDescriptors(limit: number, command: CommandLine): CommandLine {
  return ['sh', '-c', `ulimit -n ${limit}; exec "$@"`, 'sh', ...command];
}
