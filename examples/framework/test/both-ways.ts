import { Server } from '@grpc/grpc-js';
import type { Plugin } from '../src/host.js';
import { addProbe, ask } from './service.js';

/** Calls the plugin, which calls what the host's broker serves, then calls what the plugin's broker serves. */
export async function callBothWays(plugin: Plugin): Promise<string> {
  await plugin.ping();
  const theirs = plugin.broker.nextService();
  const listener = await plugin.broker.serve(
    theirs,
    addProbe(new Server(), () => 'world'),
  );
  const own = await plugin.broker.dial(Number(await ask(plugin, `exchange ${theirs}`)));
  const answer = await ask({ connection: own }, 'hello');
  await Promise.all([own.close(), listener.close()]);
  return answer;
}
