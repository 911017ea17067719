import { closeConnectionCases } from './close-connections.js';
import { closeLeftoverCases } from './close-leftovers.js';
import { closePendingCases } from './close-pending.js';
import { closeCases, disposeCases } from './close.js';
import { connectCases } from './connect.js';
import { connectionCases } from './connection.js';
import type { CaseDefinition } from './definition.js';
import { errorCases } from './errors.js';
import { handlerCases, handlerFailureCases } from './handlers.js';
import { http2Cases } from './http2.js';
import { listenAbortCases } from './listen-abort.js';
import { listenConflictCases } from './listen-conflicts.js';
import { listenCases } from './listen.js';
import { oneConnectionCases } from './one-connection.js';
import { stopListeningCases } from './stop-listening.js';

/** All cases of the contract, in the order of the requirements. */
export const contractCases: readonly CaseDefinition[] = [
  ...listenCases,
  ...handlerCases,
  ...listenConflictCases,
  ...listenAbortCases,
  ...handlerFailureCases,
  ...connectionCases,
  ...http2Cases,
  ...connectCases,
  ...oneConnectionCases,
  ...closeCases,
  ...closeConnectionCases,
  ...closeLeftoverCases,
  ...closePendingCases,
  ...disposeCases,
  ...stopListeningCases,
  ...errorCases,
];
