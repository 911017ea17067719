import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { dirname, extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Scenario } from './scenarios.js';
import type { SubjectModule } from './subject.js';
import { NEVER_MS } from './waiting.js';

// A TypeScript file while the kit is tested from its sources.
const program = new URL(`./scenario-process${extname(import.meta.url)}`, import.meta.url);

/**
 * Runs a scenario with the subject of a module in its own process, which must exit by itself. Resolves with the line
 * that it prints.
 */
export async function runElsewhere(module: SubjectModule, scenario: Scenario, endpoint = ''): Promise<string> {
  const { url, name = 'default', execArgv = [] } = module;
  const args = [...execArgv, fileURLToPath(program), String(url), name, scenario, endpoint];
  const child = spawn(process.execPath, args, {
    // Node resolves the modules in execArgv, such as a loader, from here.
    cwd: dirname(fileURLToPath(url)),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const timer = setTimeout(() => child.kill('SIGKILL'), NEVER_MS / 3);
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  clearTimeout(timer);
  if (code !== 0) throw new Error(`the other process ended with ${code ?? signal ?? 'nothing'}: ${stderr}${stdout}`);
  return stdout.trim();
}
