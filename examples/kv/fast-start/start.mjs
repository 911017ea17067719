// Starts the bundled plugin with its compiled code from the last start.
import module from 'node:module';
import { join } from 'node:path';

// Node 20 has no compile cache. The directory is beside the plugin, so that whoever may change the compiled code may
// change the plugin as well: Node's default is in /tmp. In a directory that cannot be written, nothing is kept.
module.enableCompileCache?.(join(import.meta.dirname, 'cache'));

// Not a static import, which would come before the line above.
await import('./plugin.mjs');
