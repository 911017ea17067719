import { startControlled } from '@rpcplugin/test-support';
import type { Child, CommandLine, ProgramOptions } from '@rpcplugin/test-support';
import { bundleChild } from './bundle.js';
import type { Command, Reply } from './children/repeater.js';

/** Namespaces of a process, as options of unshare(1). */
export type Namespaces = readonly ('--net' | '--pid')[];

/** A process that listens, and counts what goes wrong. */
export type Repeater = Child<Command, Reply>;

const file = bundleChild('repeater');

/** The command line that runs a program in new namespaces. In a new PID namespace, it is process 1. */
export function unshare(namespaces: Namespaces, command: CommandLine): CommandLine {
  if (namespaces.length === 0) return command;
  const fork = namespaces.includes('--pid') ? ['--fork', '--kill-child', '--mount-proc'] : [];
  return ['unshare', ...namespaces, ...fork, ...command];
}

/**
 * Starts a process that listens on command.
 *
 * @param wrap - Makes a command line of another one, such as with {@link unshare}.
 */
export function startRepeater(
  wrap: (command: CommandLine) => CommandLine = (command) => command,
  options?: ProgramOptions,
): Promise<Repeater> {
  return startControlled<Command, Reply>(wrap([process.execPath, file]), options);
}
