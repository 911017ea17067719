// Prints a line at once, as soon as any Node program can, and waits to be ended.
process.stdout.write('ready\n');
setInterval(() => undefined, 60_000);
