// Loads a module in a process that has loaded only `node:net`, and prints how many milliseconds that takes.
import 'node:net';

const started = performance.now();
await import(process.argv[2] ?? '');
process.stdout.write(String(performance.now() - started));
