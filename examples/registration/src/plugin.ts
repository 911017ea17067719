// The key-value plugin, which registers in etcd. Arguments: the directory of the certificates, the address of this
// machine, that of etcd.
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { KV } from '@rpcplugin/example-kv/protos';
import { createStore } from '@rpcplugin/example-kv/store';
import { serveGrpc } from '@rpcplugin/transport-grpc';
import { TCPSocketTransport } from '@rpcplugin/transport-tcp';
import { Etcd3 } from 'etcd3';
import { register } from './register.js';

const [directory = '.', host = '127.0.0.1', etcdAddress = 'http://127.0.0.1:2379'] = process.argv.slice(2);
const read = (name: string): Buffer => readFileSync(join(directory, name));

const server = new Server({ 'grpc.max_receive_message_length': -1 });
server.addService(KV.service, createStore([['machine', Buffer.from(hostname())]]));
const pair = { private_key: read('plugin.key'), cert_chain: read('plugin.crt') };
const credentials = ServerCredentials.createSsl(read('authority.crt'), [pair], true);
// The system chooses the port: hosts read it in etcd.
const listener = await serveGrpc(server, new TCPSocketTransport({ host }), credentials);

const etcd = new Etcd3({ hosts: etcdAddress });
const registration = await register(etcd, { service: 'kv', endpoint: listener.endpoint, ttlSeconds: 2 });
process.once('SIGTERM', () => {
  void registration
    .close()
    .then(() => listener.close())
    .then(() => {
      etcd.close();
      // The stream that kept the lease alive would keep this process too, if etcd stands still.
      process.exit();
    });
});
console.log(`registered ${listener.endpoint}`);
