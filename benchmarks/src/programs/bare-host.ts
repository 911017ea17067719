// Launches the example's plugin, both host and plugin with grpc-js alone: `bare-host.js <network>`.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { credentials } from '@grpc/grpc-js';
import { GRPCController } from '@rpcplugin/example-framework/protos';
import { KV } from '@rpcplugin/example-kv/protos';
import { serveCommands } from './commands.js';
import { answer } from './first-answer.js';

const [, , network] = process.argv;
const plugin = fileURLToPath(new URL('./bare-plugin.js', import.meta.url));

serveCommands({
  /** Milliseconds from the plugin's spawn to its first answer. */
  launch: async () => {
    const started = performance.now();
    const env = { ...process.env, PLUGIN_TRANSPORTS: network };
    const child = spawn(process.execPath, [plugin], { env, stdio: ['ignore', 'pipe', 'inherit'] });
    const exited = once(child, 'exit');
    const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
    const [, , , address = ''] = line.split('|');
    const target = network === 'unix' ? `unix:${address}` : address;
    const client = new KV(target, credentials.createInsecure());
    await answer(client);
    const spent = performance.now() - started;
    const controller = new GRPCController(target, credentials.createInsecure());
    await new Promise<void>((resolve) => {
      controller.Shutdown({}, () => {
        resolve();
      });
    });
    controller.close();
    client.close();
    await exited;
    return spent;
  },
});
