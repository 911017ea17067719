import { createInterface } from 'node:readline';

/**
 * Takes commands from the parent process. Each line of standard input is a command in JSON, `["name", ...arguments]`,
 * and is answered with a line, `{"result": …}` or `{"error": "…"}`. The process ends with its input.
 */
export function serveCommands(commands: Record<string, (...args: never[]) => unknown>): void {
  const lines = createInterface({ input: process.stdin });
  lines.on('line', (line) => {
    const [name, ...args] = JSON.parse(line) as [string, ...never[]];
    void Promise.resolve()
      .then(() => commands[name]?.(...args) ?? null)
      .then(
        (result) => ({ result }),
        (error: unknown) => ({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
      )
      .then((answer) => process.stdout.write(`${JSON.stringify(answer)}\n`));
  });
  lines.on('close', () => process.exit());
}
