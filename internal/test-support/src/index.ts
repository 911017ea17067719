// For tests, under Vitest. Programs that tests start import `@rpcplugin/test-support/process` instead.
export * from './process.js';
export { bundle, script, typescript } from './bundle.js';
export { Child, startChild, startControlled } from './child.js';
export { onDiagnostic } from './diagnostics.js';
export { freshDirectory, sharedDirectory } from './fresh-directory.js';
export { SocketTaker } from './hand-over.js';
export { plainListener } from './plain-listener.js';
export { pretendPlatform } from './platform.js';
export { Program, run, spawnProgram, startProgram } from './program.js';
export type { Ending, ProgramOptions } from './program.js';
export { codeBlocks } from './readme.js';
export { isStress, roundsOr } from './rounds.js';
export { closeAfterTest } from './transports.js';
export { whenAllAreOver } from './when-over.js';
