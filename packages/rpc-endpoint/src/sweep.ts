import { findLeftovers, removeLeftovers } from '@rpcplugin/transport-unix/leftovers';
import type { Leftover } from '@rpcplugin/transport-unix/leftovers';
import type { Finding, Report } from './report.js';

/**
 * Removes what killed processes of this user have left, or with `dryRun` lists it.
 *
 * @throws TransportError as `findLeftovers` does.
 */
export async function sweep(directory: string | undefined, dryRun: boolean): Promise<Report> {
  const leftovers = dryRun ? await findLeftovers(directory) : await removeLeftovers(directory);
  return {
    data: { dryRun, leftovers },
    facts: leftovers.map((leftover) => [stateOf(leftover), textOf(leftover)]),
    findings: findingsOf(leftovers, dryRun),
  };
}

function stateOf({ owner, isRemoved }: Leftover): string {
  return isRemoved ? 'removed' : owner;
}

function textOf({ path, kind, pid, reason }: Leftover): string {
  return `${kind} ${path}: ${reason}${pid === undefined ? '' : ` (pid ${pid})`}`;
}

function findingsOf(leftovers: readonly Leftover[], dryRun: boolean): Finding[] {
  const count = (owner: Leftover['owner']): number => leftovers.filter((each) => each.owner === owner).length;
  const [gone, unknown] = [count('gone'), count('unknown')];
  const stuck = leftovers.filter(({ owner, isRemoved }) => owner === 'gone' && !isRemoved).length;
  const findings: Finding[] = [];
  if (stuck > 0) {
    findings.push({
      level: 'problem',
      what: dryRun ? `left by processes that have ended: ${gone}` : `could not be removed: ${stuck}`,
      advice: dryRun
        ? 'Run it without --dry-run to remove them. The next listen of a transport there does so, too.'
        : 'Run it again, as the owner of the directory.',
    });
  }
  if (unknown > 0) {
    findings.push({
      level: 'note',
      what: `left alone, because it is not known here whether they are in use: ${unknown}`,
      advice: 'Run it as their owner, or in their container.',
    });
  }
  if (findings.length > 0) return findings;
  const what = gone > 0 ? `removed: ${gone}` : 'no process has left anything';
  return [{ level: 'ok', what, advice: 'There is nothing to do.' }];
}
