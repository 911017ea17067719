// For any process, with or without Vitest.
export { answerParent, repeatUntilStopped } from './answering.js';
export type { Inquiry, RemoteError } from './answering.js';
export { limitDescriptors, sourceLoader } from './command-line.js';
export type { CommandLine } from './command-line.js';
export {
  descriptorsSince,
  descriptorTargets,
  exhaustDescriptors,
  openDescriptors,
  recoverDescriptors,
  socketsSince,
} from './descriptors.js';
export { entriesOf, makeDirectory, removeDirectory } from './directories.js';
export { anyRejectionOf, codeOf, rejectionOf, thrownBy } from './errors.js';
export { makeIdentity, readIdentity } from './identity.js';
export type { Identity } from './identity.js';
export { hasIPv6, isRoot, linkLocalHost, otherUser } from './machine.js';
export { closeServer, freePort, holdFreePort, listening, pathOf, portOf } from './addresses.js';
export { binaryHeader, rawHeader, textHeader, unixHeader, vector } from './proxy-headers.js';
export type { ProxiedAddress } from './proxy-headers.js';
export { closed, ending } from './sockets.js';
export { staleSocketAt } from './stale-socket.js';
export { loadDuring, usage } from './usage.js';
export type { Usage } from './usage.js';
export { durationOf, settlesWithin, settlesWithoutIO, standStill, timers, turns, until } from './waiting.js';
