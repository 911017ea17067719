// For close-under-load.test.ts and late-peers.test.ts; the other files import `@rpcplugin/test-support`.
export {
  descriptorsSince,
  makeDirectory as freshDirectory,
  openDescriptors,
  removeDirectory,
  turns,
  until,
} from '@rpcplugin/test-support/process';
