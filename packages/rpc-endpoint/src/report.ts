import { styleText } from 'node:util';
import { showLine } from '@rpcplugin/printable';

/** What a command found out, and what a person can do about it. */
export interface Finding {
  /** `ok`: as it should be. `note`: worth knowing. `problem`: the command exits with 1. */
  readonly level: 'ok' | 'note' | 'problem';
  /** A clause. */
  readonly what: string;
  /** Sentences. */
  readonly advice: string;
}

/** The result of a command: `data` is for programs, the facts are the same for people. */
export interface Report {
  readonly data: object;
  readonly facts: readonly Fact[];
  readonly findings: readonly Finding[];
}

/** A line of a report. */
export type Fact = readonly [label: string, text: string];

export function hasProblem({ findings }: Report): boolean {
  return findings.some(({ level }) => level === 'problem');
}

const colors = { ok: 'green', note: 'yellow', problem: 'red' } as const;

/**
 * A report as text, one line per fact, with every character visible.
 *
 * @param color - Whether to use colour where Node would: on a terminal, as NO_COLOR and FORCE_COLOR say.
 */
export function toText({ facts, findings }: Report, color: boolean): string {
  const width = Math.max(...[...facts.map(([label]) => label), 'problem'].map(({ length }) => length)) + 2;
  const style = (format: Parameters<typeof styleText>[0], text: string): string =>
    color ? styleText(format, text) : text;
  const row = (label: string, text: string, format: Parameters<typeof styleText>[0]): string =>
    `${style(format, label)}${' '.repeat(width - label.length)}${showLine(text)}\n`;
  return [
    ...facts.map(([label, text]) => row(label, text, 'bold')),
    ...findings.flatMap(({ level, what, advice }) => [row(level, what, colors[level]), row('', advice, 'bold')]),
  ].join('');
}

/** JSON on several lines, in which no character can disturb a terminal. */
export function toJson(data: object): string {
  const invisible = /(?!\n)[\p{C}\p{Zl}\p{Zp}]/gu;
  const escapeUnits = (char: string): string =>
    Array.from({ length: char.length }, (_, i) => `\\u${char.charCodeAt(i).toString(16).padStart(4, '0')}`).join('');
  return `${JSON.stringify(data, null, 2).replace(invisible, escapeUnits)}\n`;
}
