// The text of changesets as it was written. By default, Changesets adds commits, and a line for each dependency that has
// a new version in the same range.
/** @type {import('@changesets/types').ChangelogFunctions} */
module.exports = {
  getReleaseLine: async ({ summary }) => `- ${summary.trim().replaceAll('\n', '\n  ')}`,
  getDependencyReleaseLine: async () => '',
};
