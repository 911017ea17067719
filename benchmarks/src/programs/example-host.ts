// Launches the example's plugin: `example-host.js <network>`.
import { fileURLToPath } from 'node:url';
import { launchPlugin } from '@rpcplugin/example-kv/host';
import { KV } from '@rpcplugin/example-kv/protos';
import { serveCommands } from './commands.js';
import { answer } from './first-answer.js';

const [, , network] = process.argv;
const plugin = fileURLToPath(import.meta.resolve('@rpcplugin/example-kv/plugin'));

serveCommands({
  /** Milliseconds from the plugin's spawn to its first answer. */
  launch: async () => {
    const started = performance.now();
    const options = { env: { PLUGIN_TRANSPORTS: network }, signal: new AbortController().signal };
    const launched = await launchPlugin(process.execPath, [plugin], options);
    await answer(launched.connection.client(KV));
    const spent = performance.now() - started;
    await launched.stop();
    return spent;
  },
});
