// Exports the subject of one mutant to another process. The query of this module's URL names the mutant.
import { mutants } from './mutants/index.js';
import { subjectOf } from './mutants/mutant.js';

const mistake = decodeURIComponent(new URL(import.meta.url).search.slice(1));
const mutant = mutants.find((each) => each.mistake === mistake);
if (mutant === undefined) throw new Error(`there is no mutant that ${mistake}`);
export default subjectOf(mistake, mutant.transport);
