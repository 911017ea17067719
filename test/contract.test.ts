import { describeContract } from './contract.js';
import { variants } from './variants.js';

for (const [name, variant] of Object.entries(variants)) describeContract(name, variant);
