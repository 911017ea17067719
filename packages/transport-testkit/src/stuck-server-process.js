// Run by stuckServer: node stuck-server-process.js <options of net.Server.listen as JSON>
// JavaScript, because no runtime needs a loader for it, and it is the same file in the sources and in the package.
import { readSync, writeSync } from 'node:fs';
import { createServer } from 'node:net';

const server = createServer();
server.listen(JSON.parse(process.argv[2]), () => {
  writeSync(1, JSON.stringify(server.address()));
  // Blocks the process until its input ends.
  readSync(0, new Uint8Array(1));
  process.exit();
});
