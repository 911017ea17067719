// For `node --import`: hosts can connect to `etcd:///SERVICE`. ETCD is the address of etcd.
import { Etcd3 } from 'etcd3';
import { registerEtcdResolver } from './resolver.js';

registerEtcdResolver(new Etcd3({ hosts: process.env['ETCD'] ?? 'http://127.0.0.1:2379' }));
