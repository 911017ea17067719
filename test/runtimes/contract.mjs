// Runs the contract on whatever runtime runs this file: `node contract.mjs subjects.mjs`, with the bundled subjects.
// Prints one JSON line for each subject.
import { pathToFileURL } from 'node:url';
import { transportCases } from '@rpcplugin/transport-testkit';

const subjects = await import(String(pathToFileURL(process.argv[2])));
for (const [subject, value] of Object.entries(subjects)) {
  const failures = [];
  const cases = transportCases(value);
  for (const { name, run } of cases) {
    await run().catch((error) => failures.push({ name, error: String(error?.stack ?? error) }));
  }
  console.log(JSON.stringify({ subject, cases: cases.length, failures }));
}
// A runtime may keep something open that has nothing to do with the cases: X3 covers what they leave.
process.exit();
