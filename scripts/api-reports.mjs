// Writes what each package exports to docs/api, from the declarations of the last build. With `--check` it writes nothing,
// and fails if a report differs: a change of the public API shows in the diff, and is accepted by committing the report.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Extractor, ExtractorConfig } from '@microsoft/api-extractor';

const check = process.argv.includes('--check');
const reportFolder = resolve('docs/api');
const reportTempFolder = mkdtempSync(join(tmpdir(), 'api-reports-'));
mkdirSync(reportFolder, { recursive: true });

const outdated = [];
try {
  for (const name of readdirSync('packages')) {
    for (const [entry, { types }] of entriesOf(name)) report(name, entry, types);
  }
} finally {
  rmSync(reportTempFolder, { recursive: true });
}
if (check && outdated.length > 0) {
  console.error(`Not the exports that were accepted: ${outdated.join(', ')}.`);
  console.error('If the change is meant, run `pnpm build && pnpm api-reports`, and commit the reports.');
  process.exit(1);
}

/** The entries of a package that have declarations, as its users get them. */
function entriesOf(name) {
  const { publishConfig } = JSON.parse(readFileSync(`packages/${name}/package.json`, 'utf8'));
  return Object.entries(publishConfig.exports).filter(([, { types }]) => types !== undefined);
}

function report(name, entry, types) {
  const packageFolder = resolve('packages', name);
  const reportFileName = entry === '.' ? name : `${name}-${entry.replace('./', '')}`;
  const mainEntryPointFilePath = join(packageFolder, types);
  if (!existsSync(mainEntryPointFilePath))
    throw new Error(`${mainEntryPointFilePath} is missing: run pnpm build first`);
  const extractorConfig = ExtractorConfig.prepare({
    packageJsonFullPath: join(packageFolder, 'package.json'),
    configObjectFullPath: undefined,
    configObject: {
      projectFolder: packageFolder,
      mainEntryPointFilePath,
      compiler: {
        overrideTsconfig: {
          compilerOptions: {
            target: 'es2023',
            lib: ['es2023', 'esnext.disposable'],
            module: 'nodenext',
            types: ['node'],
            strict: true,
            skipLibCheck: true,
          },
          files: [mainEntryPointFilePath],
        },
      },
      apiReport: { enabled: true, reportFileName, reportFolder, reportTempFolder },
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      messages: {
        compilerMessageReporting: { default: { logLevel: 'error' } },
        extractorMessageReporting: {
          default: { logLevel: 'error' },
          // Nothing carries a release tag, and links lead to what is not exported, too.
          'ae-missing-release-tag': { logLevel: 'none' },
          'ae-unresolved-link': { logLevel: 'none' },
          // Shown in the report, as `(undocumented)`: an override is, which has its comment where it is declared.
          'ae-undocumented': { logLevel: 'none' },
          // The entries for test runners share the types of the main entry.
          'ae-forgotten-export': { logLevel: entry === '.' ? 'error' : 'none' },
        },
        tsdocMessageReporting: { default: { logLevel: 'none' } },
      },
    },
  });
  const messageCallback = (message) => {
    // It says so itself for each report that it writes or finds outdated.
    if (message.messageId.startsWith('console-')) message.handled = true;
  };
  const { succeeded, apiReportChanged } = Extractor.invoke(extractorConfig, { localBuild: !check, messageCallback });
  if (apiReportChanged) outdated.push(reportFileName);
  else if (!succeeded) throw new Error(`${name} has problems, see above`);
  console.log(`${reportFileName}: ${apiReportChanged ? (check ? 'outdated' : 'written') : 'unchanged'}`);
}
