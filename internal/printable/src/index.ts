const MAX_CHARS = 120;

// Characters that JSON leaves as they are but a terminal hides or reorders: C1 controls and format characters.
// Compiling this takes V8 about a millisecond, so it waits until it is needed.
const invisible = (): RegExp => new RegExp(String.raw`[\p{C}\p{Zl}\p{Zp}]`, 'gu');

const escaped = (char: string): string => `\\u{${Number(char.codePointAt(0)).toString(16)}}`;

/** Text for an error message: quoted, on one line, every character visible, and cut off after 120 characters. */
export function quote(text: string): string {
  const shown = text.length > MAX_CHARS ? `${text.slice(0, MAX_CHARS)}…` : text;
  return JSON.stringify(shown).replace(invisible(), escaped);
}

/** Any value for an error message. The text of an object is not used: it can throw, mislead or fill pages. */
export function show(value: unknown): string {
  if (typeof value === 'string') return quote(value);
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'an array' : 'an object';
  return typeof value === 'function' ? 'a function' : String(value);
}

/** Lines for an error message, with every other character visible. */
export function showLines(text: string): string {
  return text
    .split('\n')
    .map((line) => line.replace(invisible(), escaped))
    .join('\n');
}

/** Text on one line, in full and without quotes, with every character visible: for what people copy. */
export function showLine(text: string): string {
  return text.replace(invisible(), escaped);
}
