/** The code blocks of a language in Markdown text. */
export function codeBlocks(markdown: string, language: string): string[] {
  return Array.from(
    markdown.matchAll(new RegExp(`^ *\`\`\`${language}\n(.*?)^ *\`\`\``, 'gms')),
    ([, code = '']) => code,
  );
}
