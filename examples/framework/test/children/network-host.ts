// A host whose plugin is in the network namespace `plugin`: `network-host.mjs TRANSLATION PLUGIN-ARGUMENT...`.
import { portTranslator } from '@rpcplugin/endpoint-utils';
import type { PortTranslatorOptions } from '@rpcplugin/endpoint-utils';
import { tcpTransportFactory } from '@rpcplugin/transport-tcp';
import { launch } from '../../src/host.js';
import { agreed } from '../agreed.js';
import { callBothWays } from '../both-ways.js';
import { ask } from '../service.js';

const [translation = '{}', ...args] = process.argv.slice(2);
const options = JSON.parse(translation) as PortTranslatorOptions;
const [port] = Object.keys(options.ports ?? {});

const plugin = await launch('nsenter', ['--net=/run/netns/plugin', process.execPath, ...args], {
  ...agreed,
  autoMtls: true,
  env: { PLUGIN_MIN_PORT: port, PLUGIN_MAX_PORT: port },
  translator: portTranslator(options),
  transports: [tcpTransportFactory({ host: options.hostAt })],
  onOutput: () => undefined,
});
try {
  console.log(plugin.running.endpoint);
  // Without a route to the host, the plugin cannot call it.
  console.log(await (options.hostAt === undefined ? ask(plugin, 'echo hello') : callBothWays(plugin)));
} finally {
  console.log(`exit code ${await plugin.stop()}`);
}
