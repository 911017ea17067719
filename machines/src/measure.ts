// Measures what a fault of one machine of three costs the calls to all, and writes the tables of
// docs/other-machines.md.
import { readFile, writeFile } from 'node:fs/promises';
import { availableParallelism, loadavg } from 'node:os';
import { makeDirectory, removeDirectory } from '@rpcplugin/test-support/process';
import { failedShare, faults, observe } from './faults.js';
import type { CallHistory } from './faults.js';
import { way } from './policies.js';
import { Site } from './site.js';

const ROUNDS = 3;
const DEADLINE_MS = 500;
const FAULT_MS = 10_000;
const BACK_MS = 60_000;
const guide = new URL('../../docs/other-machines.md', import.meta.url);

const pings = { pingIntervalMs: 1000 };
const ways = {
  '`pick_first`, pings': way('pick_first', pings),
  '`round_robin`': way('round_robin'),
  '`round_robin`, pings': way('round_robin', pings),
  '`outlier_detection`': way('outlier detection'),
  '`round_robin`, pings, retries': way('retries', pings),
  '`round_robin`, pings, hedging': way('hedging', pings),
};

const columns = [
  'how the host connects',
  'failed of 10 calls at once',
  'failed of one after the other',
  'no more failures after',
  'called again after',
];

const titles: Record<keyof typeof faults, string> = {
  'link down': 'Cut off (link down)',
  SIGSTOP: 'Standing still (SIGSTOP)',
  SIGKILL: 'Killed (SIGKILL)',
  SIGTERM: 'Updated (SIGTERM, and `close` of the listener)',
};

const cleanups: (() => Promise<void>)[] = [];
const directory = await makeDirectory();
try {
  const site = await Site.start(directory, { whenOver: (action) => cleanups.unshift(action) });
  const client = await site.startClient();
  const tables: string[] = [];
  for (const name of Object.keys(titles) as (keyof typeof titles)[]) {
    const rounds = [];
    while (rounds.length < ROUNDS) {
      const during = (history: CallHistory): Promise<void> => {
        const end = Date.now() + FAULT_MS;
        return history.until(() => Date.now() > end, 2 * FAULT_MS);
      };
      rounds.push(
        await observe(site, faults[name], { client, ways, deadlineMs: DEADLINE_MS, during, backMs: BACK_MS }),
      );
    }
    tables.push(tableOf(titles[name], site.first.name, rounds));
  }
  await writeTables(tables);
} finally {
  for (const action of cleanups) await action();
  await removeDirectory(directory);
}

function tableOf(fault: string, first: string, rounds: readonly Record<keyof typeof ways, CallHistory>[]): string {
  const lines = [`### ${fault}`, '', `| ${columns.join(' | ')} |`, `| ${columns.map(() => '---').join(' | ')} |`];
  for (const name of Object.keys(ways) as (keyof typeof ways)[]) {
    const histories = rounds.map((round) => round[name]);
    const share = (group: string): string => {
      const shares = histories.map(({ during }) => failedShare(during.filter((outcome) => outcome.way === group)));
      return `${(100 * median(shares)).toFixed(1)} %`;
    };
    const recovered = median(histories.map(({ recoveredMs }) => recoveredMs));
    // A group of calls begins every 200 ms.
    const isOver = recovered < FAULT_MS - DEADLINE_MS - 200;
    const back = histories.flatMap((history) => history.backMs(first) ?? []);
    const cells = [
      name,
      share('at once'),
      share('in sequence'),
      isOver ? seconds(recovered) : 'not within 10 s',
      ways[name].isBalanced ? seconds(median(back)) : 'never, it stays where it is',
    ];
    lines.push(`| ${cells.join(' | ')} |`);
  }
  return lines.join('\n');
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

async function writeTables(tables: readonly string[]): Promise<void> {
  const text = await readFile(guide, 'utf8');
  const date = new Date().toISOString().slice(0, 10);
  const where = `${availableParallelism()} processors with a load of ${loadavg()[0]?.toFixed(0) ?? '?'}`;
  const note = `Measured on ${date} with Node ${process.versions.node} on ${where}: medians of ${ROUNDS} rounds.`;
  const measured = `<!-- measured: begin -->\n\n${[note, ...tables].join('\n\n')}\n\n<!-- measured: end -->`;
  await writeFile(
    guide,
    text.replace(/<!-- measured: begin -->.*<!-- measured: end -->/s, () => measured),
  );
}
