import { closeMutants } from './close.js';
import { connectMutants } from './connect.js';
import { errorMutants } from './errors.js';
import { listenMutants } from './listen.js';
import type { Mutant } from './mutant.js';

export const mutants: readonly Mutant[] = [...listenMutants, ...connectMutants, ...closeMutants, ...errorMutants];
