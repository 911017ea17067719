// Gives new versions to the packages that changesets name, and to those that have to follow: `pnpm run version`.
//
// A breaking release leaves the range of a package's dependents. Changesets alone would release them as a patch, which
// users get without asking for it: with a second copy of the package beside their own. So a dependent gets a breaking
// release as well.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import getReleasePlan from '@changesets/get-release-plan';
import writeChangeset from '@changesets/write';

const root = process.cwd();
const packages = readdirSync('packages').map((name) =>
  JSON.parse(readFileSync(join('packages', name, 'package.json'), 'utf8')),
);

for (let changesets = await following(); changesets.length > 0; changesets = await following()) {
  for (const changeset of changesets) await writeChangeset(changeset, root);
}
execFileSync('npx', ['changeset', 'version'], { stdio: 'inherit' });

/** Changesets for the packages that have to follow a dependency. Others may then have to follow those. */
async function following() {
  const { releases } = await getReleasePlan(root);
  // Private packages have no version.
  const published = releases.filter(({ oldVersion }) => oldVersion !== undefined);
  const breaking = new Map(published.filter(isBreaking).map(({ name, newVersion }) => [name, newVersion]));
  return packages.flatMap(({ name, version, dependencies, peerDependencies }) => {
    if (breaking.has(name)) return [];
    const needed = Object.keys({ ...dependencies, ...peerDependencies }).filter((each) => breaking.has(each));
    if (needed.length === 0) return [];
    const list = needed.map((each) => `\`${each}\` ${breaking.get(each)}`).join(' and ');
    const type = version.startsWith('0.') ? 'minor' : 'major';
    return { summary: `Needs ${list}. Upgrade them together.`, releases: [{ name, type }] };
  });
}

/** Whether a caret range of the old version leaves out the new one. */
function isBreaking({ oldVersion, newVersion }) {
  const [major, minor] = oldVersion.split('.');
  return major === '0' ? !newVersion.startsWith(`0.${minor}.`) : !newVersion.startsWith(`${major}.`);
}
