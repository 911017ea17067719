import { run, typescript } from '@rpcplugin/test-support';
import type { CommandLine, Ending, ProgramOptions } from '@rpcplugin/test-support';

/** The command line that runs `rpc-endpoint`, bundled for this run, so that no build is needed. */
export function command(...args: string[]): CommandLine {
  return typescript(new URL('../src/rpc-endpoint.ts', import.meta.url), ...args);
}

/** Runs `rpc-endpoint` to its end. */
export function rpcEndpoint(args: readonly string[], options?: ProgramOptions): Promise<Ending> {
  return run(command(...args), options);
}

export interface Finding {
  level: string;
  what: string;
  advice: string;
}

/** What every result in JSON has. */
export interface Result {
  findings: Finding[];
}

export interface ProbeResult extends Result {
  status: string;
  code?: string;
  file?: Record<string, string>;
  listeners?: { pid: number; command: string }[];
  lock?: { owner: string; pid?: number };
  leftovers?: number;
  addresses?: { address: string; status: string }[];
  grpc?: Record<string, unknown>;
}

/** Runs `rpc-endpoint` with `--json`. */
export async function json(
  args: readonly string[],
  options?: ProgramOptions,
): Promise<{ exit: number | string; result: unknown }> {
  const { status, stdout, stderr } = await rpcEndpoint(['--json', ...args], options);
  if (stdout === '') throw new Error(`rpc-endpoint printed nothing: ${stderr}`);
  return { exit: status, result: JSON.parse(stdout) as unknown };
}

/** Runs `rpc-endpoint probe` with `--json`, and with time for a busy machine unless the arguments have a limit. */
export async function probed(
  args: readonly string[],
  options?: ProgramOptions,
): Promise<{ exit: number | string; result: ProbeResult }> {
  const limit = args.includes('--timeout') ? [] : ['--timeout', '60000'];
  const { exit, result } = await json(['probe', ...limit, ...args], options);
  return { exit, result: result as ProbeResult };
}

/** Runs `rpc-endpoint` with `--json`, which fails. */
export async function failed(args: readonly string[]): Promise<{ exit: number | string; error: unknown }> {
  const { exit, result } = await json(args);
  return { exit, error: (result as { error: unknown }).error };
}
