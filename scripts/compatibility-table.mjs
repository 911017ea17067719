// Writes the tables in docs/compatibility.md from the last results of `pnpm test:runtimes` and `pnpm test:windows`.
import { readFileSync, writeFileSync } from 'node:fs';
import { results } from './runtime-results.mjs';

const FILE = 'docs/compatibility.md';
const START = '<!-- runtimes: made by `pnpm compatibility-table` from test runs -->\n';
const END = '<!-- runtimes end -->\n';

/** How the table names the runtimes. */
const titles = {
  'node@20': 'Node',
  'node@22': 'Node',
  'node@24': 'Node',
  'node@26': 'Node',
  bun: 'Bun',
  deno: 'Deno',
  windows: 'Windows: Node',
};
/** How it names the subjects of the tests. */
const subjects = {
  'every package': 'every package loads',
  byPath: '`transport-unix`: the contract, at a path',
  byDirectory: '`transport-unix`: the contract, in a directory',
  automatic: '`transport-unix`: the contract, in a private directory',
  ipv4: '`transport-tcp`: the contract, IPv4',
  ipv6: '`transport-tcp`: the contract, IPv6',
  portRange: '`transport-tcp`: the contract, in a range of ports',
  stdioStreams: '`transport-stdio`: the contract, over streams',
  memory: '`transport-testkit`: the contract, in memory',
  gRPC: '`transport-grpc`: calls and streams',
  'a plugin that is launched': '`handshake`: a host calls its plugin',
  'rpc-endpoint': '`rpc-endpoint`: `probe` finds a gRPC server',
};

const found = results();
const runtimes = Object.keys(titles);
const missing = runtimes.filter((name) => found[name] === undefined);
if (missing.length > 0) throw new Error(`there are no results of ${missing.join(', ')}`);

const head = runtimes.map((name) => `${titles[name]} ${found[name].version}`);
const cases = Object.entries(subjects).map(([subject, title]) =>
  row(
    title,
    runtimes.map((name) => casesText(found[name].subjects[subject])),
  ),
);
const features = Object.keys(found[runtimes[0]].features).map((feature) =>
  row(
    feature,
    runtimes.map((name) => featureText(found[name].features[feature])),
  ),
);
const rule = row(
  '---',
  head.map(() => '---'),
);
const tables = [
  ...[row('cases passed', head), rule, ...cases, ''],
  ...[row('what there is', head), rule, ...features, ''],
].join('\n');

const [before, , after] = readFileSync(FILE, 'utf8').split(new RegExp(`${START}([^]*?)${END}`));
if (after === undefined) throw new Error(`${FILE} has no place for the tables`);
writeFileSync(FILE, `${before}${START}\n${tables}\n${END}${after}`);

function row(...cells) {
  return `| ${cells.flat().join(' | ')} |`;
}

function casesText(result) {
  if (result === undefined) return '–';
  const { cases: all, passed } = result;
  return passed === all ? String(all) : `${passed} of ${all}`;
}

function featureText(feature = '–') {
  return feature === 'yes' ? feature : `\`${feature}\``;
}
