import { serve } from '@rpcplugin/example-framework/plugin';
import { tcpOptionsFromEnv, tcpTransportFactory } from '@rpcplugin/transport-tcp';
import { unixOptionsFromEnv, unixTransportFactory } from '@rpcplugin/transport-unix';
import { agreed } from './agreed.js';
import { KV } from './protos.js';
import { createStore } from './store.js';

const offered = (process.env['PLUGIN_TRANSPORTS'] ?? 'unix,tcp').split(',');
const transports = [
  unixTransportFactory(unixOptionsFromEnv),
  tcpTransportFactory(() => ({ ...tcpOptionsFromEnv(), host: process.env['KV_HOST'] })),
];

await serve({
  ...agreed,
  register: (server) => {
    server.addService(KV.service, createStore());
  },
  transports: transports.filter(({ network }) => offered.includes(network)),
});
