// Character codes for the loops that visit each character of an endpoint once. Regular expressions in their place made
// parsing twice as slow.
export const HYPHEN = 0x2d;
export const DOT = 0x2e;
export const COLON = 0x3a;
export const OPEN_BRACKET = 0x5b;
export const UNDERSCORE = 0x5f;

export const isDigit = (code: number) => code >= 0x30 && code <= 0x39;
export const isUpperCase = (code: number) => code >= 0x41 && code <= 0x5a;
export const isLowerCase = (code: number) => code >= 0x61 && code <= 0x7a;
