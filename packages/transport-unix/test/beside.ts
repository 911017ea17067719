import type { Child, Inquiry } from '@rpcplugin/test-support';

/**
 * Takes rounds beside a process that repeats something: as many as asked, and more until the process has done enough,
 * which depends on the machine. Resolves with the final report.
 */
export async function roundsBeside<Report>(
  other: Child<Inquiry, Report>,
  isEnough: (report: Report) => boolean,
  rounds: number,
  takeRound: () => Promise<void>,
): Promise<Report> {
  for (let taken = 0; taken < rounds || !isEnough(await other.ask('report')); taken++) await takeRound();
  return other.ask('stop');
}
