// Registers an endpoint that etcd refuses, after it has granted the lease, and stays. Argument: the address of etcd.
import { Etcd3 } from 'etcd3';
import { register } from '../../src/register.js';

const [hosts = ''] = process.argv.slice(2);
await register(new Etcd3({ hosts }), { service: 'kv', endpoint: 'x'.repeat(1_800_000), ttlSeconds: 60 }).catch(
  (error: unknown) => {
    console.log(`rejected: ${String(error)}`);
  },
);
process.stdin.resume();
