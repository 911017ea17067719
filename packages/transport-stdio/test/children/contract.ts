// Runs the contract over the descriptors of `with-socketpairs.py`, and prints a JSON object of what each case found.
import { transportCases } from '@rpcplugin/transport-testkit';
import { descriptorEnds } from '../ends.js';
import { subjectOver } from '../subject.js';

const found: Record<string, string> = {};
for (const { name, run } of transportCases(await subjectOver(descriptorEnds))) {
  found[name] = await run().then(
    () => 'passed',
    (error: unknown) => String(error),
  );
}
process.stdout.write(JSON.stringify(found));
