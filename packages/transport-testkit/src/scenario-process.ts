// Run by node: node scenario-process.js <module of the subject> <its export> <scenario> <endpoint>
import { runScenario } from './scenarios.js';
import type { Scenario } from './scenarios.js';
import type { TransportSubject } from './subject.js';

const [url = '', name = '', scenario = '', endpoint = ''] = process.argv.slice(2);
const exports = (await import(url)) as Record<string, TransportSubject | undefined>;
const subject = exports[name];
if (subject === undefined) throw new Error(`${url} has no export ${name}`);
process.stdout.write(`${await runScenario(subject, scenario as Scenario, endpoint)}\n`);
