// Loaded on first use: that takes longer than loading the rest of this package.
const crypto = () => process.getBuiltinModule('node:crypto');

/** The length of an unguessable name, in characters: 72 random bits. */
const UNGUESSABLE_LENGTH = 12;

/** Creates a file name that cannot be guessed. */
export function unguessableName(): string {
  return crypto()
    .randomBytes((UNGUESSABLE_LENGTH * 3) / 4)
    .toString('base64url');
}

/** Hashes text to a valid file name of fixed length. */
export function digest(text: string, encoding: 'base64url' | 'hex' = 'base64url'): string {
  return crypto().createHash('sha256').update(text).digest(encoding);
}
