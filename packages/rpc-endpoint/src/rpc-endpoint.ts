#!/usr/bin/env node
import { run } from './run.js';

// A reader such as `head` may leave early.
process.stdout.on('error', () => process.exit());

const { output, errorOutput, exitCode } = await run(process.argv.slice(2));
process.stderr.write(errorOutput);
// A lookup of a name cannot be cancelled, and would keep the process.
process.stdout.write(output, () => process.exit(exitCode));
