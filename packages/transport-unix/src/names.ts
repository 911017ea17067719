// Loaded on first use: that takes longer than loading the rest of this package.
const crypto = () => process.getBuiltinModule('node:crypto');

/** The length of an unguessable name, in characters: 72 random bits. */
export const UNGUESSABLE_LENGTH = 12;

/** Creates a file name that cannot be guessed. */
export function unguessableName(): string {
  return crypto()
    .randomBytes((UNGUESSABLE_LENGTH * 3) / 4)
    .toString('base64url');
}

/** Hashes a file name to a text of fixed length that is a valid file name itself. */
export function hashOf(name: string): string {
  return crypto().createHash('sha256').update(name).digest('base64url');
}
