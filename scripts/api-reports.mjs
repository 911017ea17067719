// Writes the exports of each package to docs/api, from the declarations of the last build. With `--check` it writes
// nothing and fails if a report differs. So each change of the public API shows in the diff of a committed report.
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
  console.error(`The exports differ from the committed reports: ${outdated.join(', ')}.`);
  console.error('If the change is intended, run `pnpm build && pnpm api-reports` and commit the reports.');
  process.exit(1);
}

/** The published entries of a package that have declarations. */
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
          // There are no release tags, and links may lead to declarations that are not exported.
          'ae-missing-release-tag': { logLevel: 'none' },
          'ae-unresolved-link': { logLevel: 'none' },
          // The report has these as `(undocumented)`: among them are overrides, documented where they are declared.
          'ae-undocumented': { logLevel: 'none' },
          // The entries for test runners share the types of the main entry.
          'ae-forgotten-export': { logLevel: entry === '.' ? 'error' : 'none' },
        },
        tsdocMessageReporting: { default: { logLevel: 'none' } },
      },
    },
  });
  const messageCallback = (message) => {
    // Silences its own messages about reports that it writes or finds outdated.
    if (message.messageId.startsWith('console-')) message.handled = true;
  };
  const { succeeded, apiReportChanged } = Extractor.invoke(extractorConfig, { localBuild: !check, messageCallback });
  if (apiReportChanged) outdated.push(reportFileName);
  else if (!succeeded) throw new Error(`${name} has problems, see above`);
  console.log(`${reportFileName}: ${apiReportChanged ? (check ? 'outdated' : 'written') : 'unchanged'}`);
}
