const LONGEST_SHOWN = 120;

// What JSON leaves as it is and a terminal does not show, or shows in another order: C1 controls, format characters. V8 takes
// a millisecond to read it, so not before it is needed.
const invisible = (): RegExp => new RegExp(String.raw`[\p{C}\p{Zl}\p{Zp}]`, 'gu');

const escaped = (char: string): string => `\\u{${Number(char.codePointAt(0)).toString(16)}}`;

/** Text for an error message: in quotes and on one line, whatever is in it, and not much longer than a line. */
export function quote(text: string): string {
  const shown = text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN)}…` : text;
  return JSON.stringify(shown).replace(invisible(), escaped);
}

/** Any value for an error message: an object's own text may throw, mislead, or go on for pages. */
export function show(value: unknown): string {
  if (typeof value === 'string') return quote(value);
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'an array' : 'an object';
  return typeof value === 'function' ? 'a function' : String(value);
}
