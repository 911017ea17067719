// For the three files that import it; the rest uses `@rpcplugin/test-support`.
export {
  descriptorsSince,
  makeDirectory as freshDirectory,
  openDescriptors,
  removeDirectory,
  turns,
  until,
} from '@rpcplugin/test-support/process';
