import { readdir } from 'node:fs/promises';
import {
  anyRejectionOf,
  descriptorsSince,
  freshDirectory,
  isStress,
  openDescriptors,
  until,
} from '@rpcplugin/test-support';
import { describe, expect, it } from 'vitest';
import { restarts } from '../src/host.js';
import { agreed } from './agreed.js';
import { ask } from './service.js';
import { launchTestPlugin, pluginArgs } from './support.js';

const PLUGINS = 20;
const RESTARTS = isStress ? 50 : 15;

/** The sockets and pipes that this process has opened since a snapshot. */
function leftSince(before: ReadonlySet<string>): string[] {
  return descriptorsSince(before).filter((target) => /^(?:socket|pipe)/.test(target));
}

it.each(['unix', 'tcp'])(
  'twenty plugins at once over %s: killing half leaves the calls of the others alone',
  async (network) => {
    const before = openDescriptors();
    const env = { XDG_RUNTIME_DIR: await freshDirectory() };
    const plugins = await Promise.all(Array.from({ length: PLUGINS }, () => launchTestPlugin(network, { env })));
    const pids = await Promise.all(plugins.map((plugin) => ask(plugin, 'pid')));
    expect(pids).toEqual(plugins.map((plugin) => String(plugin.process?.pid)));

    // Half of them are killed in the middle of everyone's calls; the others go on for 20 more.
    let killed = false;
    const outcomes = plugins.map(async (plugin, index) => {
      let answers = 0;
      for (let after = 0; after < 20; after += killed ? 1 : 0) {
        if ((await ask(plugin, `echo ${index}`)) !== String(index)) throw new Error('the answer of another plugin');
        answers += 1;
      }
      return answers;
    });
    const settled = Promise.allSettled(outcomes);
    const victims = plugins.filter((_, index) => index % 2 === 0);
    for (const plugin of victims) plugin.process?.kill('SIGKILL');
    await Promise.all(victims.map((plugin) => plugin.ended));
    killed = true;
    expect((await settled).map(({ status }) => status)).toEqual(
      plugins.map((_, index) => (index % 2 === 0 ? 'rejected' : 'fulfilled')),
    );
    const codes = await Promise.all(plugins.map((plugin) => plugin.stop()));
    expect(codes).toEqual(plugins.map((_, index) => (index % 2 === 0 ? null : 0)));
    await until(() => leftSince(before).length === 0);
  },
);

describe('a plugin that crashes', () => {
  it('is launched again each time, and leaves nothing', async () => {
    const directory = await freshDirectory();
    const before = openDescriptors();
    const options = { ...agreed, onOutput: () => undefined, env: { XDG_RUNTIME_DIR: directory } };
    const pids = new Set<string>();
    for await (const plugin of restarts(process.execPath, pluginArgs('unix'), options)) {
      pids.add(await ask(plugin, 'pid'));
      if (pids.size <= RESTARTS) expect(await anyRejectionOf(ask(plugin, 'crash'))).toMatchObject({ code: 14 });
      else expect(await plugin.stop()).toBe(0);
    }
    expect(pids.size).toBe(RESTARTS + 1);
    await until(() => leftSince(before).length === 0);
    // Each launch removes the sockets of those that crashed, and the last plugin stopped.
    expect(await readdir(directory)).toEqual([]);
    // Each takes as long as Node needs to start.
  }, 400_000);
});
