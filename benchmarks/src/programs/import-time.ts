// Loads one module in a process that has loaded `node:net` and nothing else, and prints how many milliseconds that takes.
import 'node:net';

const started = performance.now();
await import(process.argv[2] ?? '');
process.stdout.write(String(performance.now() - started));
