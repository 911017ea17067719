// Loaded when a name is first needed: that takes longer than to load all the rest of this package.
const crypto = () => process.getBuiltinModule('node:crypto');

/** How long an unguessable name is: 72 random bits. */
export const UNGUESSABLE_LENGTH = 12;

/** A name for a file that nobody can guess. */
export function unguessableName(): string {
  return crypto()
    .randomBytes((UNGUESSABLE_LENGTH * 3) / 4)
    .toString('base64url');
}

/** A name for a file's name: of the same length whatever that is, and with characters for file names alone. */
export function hashOf(name: string): string {
  return crypto().createHash('sha256').update(name).digest('base64url');
}
