import { showLine } from '@rpcplugin/printable';
import { toTransportError } from '@rpcplugin/transport-base';
import type { TransportError } from '@rpcplugin/transport-core';
import manifest from '../package.json' with { type: 'json' };
import { readCommandLine } from './command-line.js';
import type { CommandLine } from './command-line.js';
import { explain } from './explain.js';
import { HELP } from './help.js';
import { probe } from './probe/probe.js';
import { hasProblem, toJson, toText } from './report.js';
import type { Report } from './report.js';
import { sweep } from './sweep.js';

/** What a run of the command prints, and its exit status. */
export interface Outcome {
  readonly output: string;
  readonly errorOutput: string;
  readonly exitCode: 0 | 1 | 2;
}

/** Runs the command with these arguments. Never rejects. */
export async function run(args: readonly string[]): Promise<Outcome> {
  let commandLine: CommandLine;
  try {
    commandLine = readCommandLine(args);
  } catch (error) {
    return failed(toTransportError(error, 'read the command line'), 2);
  }
  if (commandLine.command === 'help') return done(HELP);
  if (commandLine.command === 'version') return done(`${manifest.version}\n`);
  const { command, json, color } = commandLine;
  try {
    const report = await reportOf(commandLine);
    const output = json ? toJson({ ...report.data, findings: report.findings }) : toText(report, color);
    return { ...done(output), exitCode: hasProblem(report) ? 1 : 0 };
  } catch (cause) {
    const error = toTransportError(cause, command);
    const { code, message, hint } = error;
    return { ...failed(error, 1), output: json ? toJson({ error: { code, message, hint } }) : '' };
  }
}

type Request = Exclude<CommandLine, { readonly command: 'help' | 'version' }>;

async function reportOf(request: Request): Promise<Report> {
  switch (request.command) {
    case 'explain':
      return explain(request.endpoint);
    case 'probe':
      return probe(request.endpoint, request);
    case 'sweep':
      return sweep(request.directory, request.dryRun);
  }
}

function done(output: string): Outcome {
  return { output, errorOutput: '', exitCode: 0 };
}

function failed({ message, hint }: TransportError, exitCode: 1 | 2): Outcome {
  const lines = [`rpc-endpoint: ${message}`, ...(hint === undefined ? [] : [hint])];
  return { output: '', errorOutput: lines.map((line) => `${showLine(line)}\n`).join(''), exitCode };
}
