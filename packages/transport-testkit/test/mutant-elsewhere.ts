// The mutant that the query of this module's URL names, for another process.
import { mutants } from './mutants/index.js';
import { subjectOf } from './mutants/mutant.js';

const mistake = decodeURIComponent(new URL(import.meta.url).search.slice(1));
const mutant = mutants.find((each) => each.mistake === mistake);
if (mutant === undefined) throw new Error(`no transport that ${mistake}`);
export default subjectOf(mistake, mutant.transport);
