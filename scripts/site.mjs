// Builds the site in .site: the guides, and the API of the packages. TypeDoc warns of a link that leads nowhere and of a
// name without documentation, and a warning is a failure. `pnpm site`.
import { readdirSync, readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { Application, Reflection } from 'typedoc';

const repository = 'https://github.com/rpcplugin/transport/blob/main';
const out = '.site';
/** The guides, in the order of the navigation. */
const groups = {
  Start: ['getting-started', 'writing-a-plugin', 'writing-a-host', 'frameworks', 'custom-transports', 'migrating'],
  Places: ['containers', 'other-machines', 'behind-a-proxy'],
  Operation: [
    'errors',
    'diagnostics',
    'security',
    'under-load',
    'fast-start',
    'benchmarks',
    'compatibility',
    'versioning',
  ],
  Background: ['comparison', 'interop', 'design', 'code-tour'],
};
const guides = Object.values(groups).flatMap((names) => names.map((name) => `docs/${name}.md`));
const forgotten = readdirSync('docs').filter((name) => name.endsWith('.md') && !guides.includes(`docs/${name}`));
if (forgotten.length > 0) throw new Error(`docs: no group has ${forgotten.join(', ')}`);

const examples = readdirSync('examples').map((name) => `examples/${name}/README.md`);
const others = [
  'packages/rpc-endpoint/README.md',
  ...['interop', 'machines', 'benchmarks'].map((name) => `${name}/README.md`),
];
const app = await Application.bootstrapWithPlugins({
  name: 'rpcplugin transport',
  entryPointStrategy: 'packages',
  entryPoints: ['packages/!(rpc-endpoint)'],
  packageOptions: {
    excludeExternals: true,
    excludePrivate: true,
    // `pnpm typecheck` looks for mistakes.
    skipErrorChecking: true,
    validation: { notDocumented: true },
    // The sources are read where they are. Their lines are those of the branch main.
    disableGit: true,
    sourceLinkTemplate: `${repository}/{path}#L{line}`,
  },
  projectDocuments: [...guides, ...examples, ...others],
  readme: 'README.md',
  disableGit: true,
  sourceLinkTemplate: `${repository}/{path}#L{line}`,
  gitRevision: 'main',
  sort: ['source-order'],
  groupOrder: [...Object.keys(groups), 'Commands and examples', 'Modules'],
  navigation: { includeGroups: true },
  searchInDocuments: true,
  githubPages: true,
  treatWarningsAsErrors: true,
  highlightLanguages: ['bash', 'console', 'javascript', 'json', 'nginx', 'proto', 'toml', 'typescript', 'yaml'],
  ignoredHighlightLanguages: ['haproxy'],
  customCss: 'scripts/site.css',
  customJs: 'scripts/site.js',
  out,
});

// Before TypeDoc puts them into groups.
app.on(
  Application.EVENT_PROJECT_REVIVE,
  ({ documents = [], files }) => {
    for (const document of documents) {
      const path = relative('.', files.getReflectionPath(document));
      document.name = titleOf(path);
      const group = Object.entries(groups).find(([, names]) => names.some((name) => path === `docs/${name}.md`));
      document.frontmatter.group = group?.[0] ?? 'Commands and examples';
    }
  },
  1000,
);
const project = await app.convert();
if (project === undefined) process.exit(1);
for (const reflection of Object.values(project.reflections)) {
  if (reflection.isDocument()) linkToRepository(reflection.content);
  else if (reflection.isDeclaration()) linkToRepository(reflection.readme ?? []);
}
linkToRepository(project.readme ?? []);
app.validate(project);
await app.generateOutputs(project);
if (app.logger.hasErrors() || app.logger.hasWarnings()) process.exit(1);

/** Makes links to files that are neither pages nor pictures, such as sources, lead to the repository. */
function linkToRepository(parts) {
  for (const [index, part] of parts.entries()) {
    if (part.kind !== 'relative-link' || part.target === undefined) continue;
    if (project.files.resolve(part.target, project) instanceof Reflection) continue;
    const path = relative('.', project.files.resolvePath(part.target));
    if (!path.endsWith('.svg')) parts[index] = { kind: 'text', text: `${repository}/${path}` };
  }
}

/** The first heading of a page. */
function titleOf(path) {
  const [, title] = /^# (.*)$/m.exec(readFileSync(path, 'utf8')) ?? [];
  if (title === undefined) throw new Error(`${path} has no heading`);
  return title.replace('@rpcplugin/', '');
}
