// A small xDS control plane: one service, `kv`, whose machines its parent sets. Each client has a stream, on which it
// gets whole states (https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol).
// Arguments: the address and the port.
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { loadPackageDefinition, Server, ServerCredentials } from '@grpc/grpc-js';
import type { ServerDuplexStream, ServiceClientConstructor } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { answerParent } from '@rpcplugin/test-support/process';
import { serveGrpc } from '@rpcplugin/transport-grpc';
import { TCPSocketTransport } from '@rpcplugin/transport-tcp';

/** The machines of the service: address and port. */
export interface Command {
  readonly machines: readonly (readonly [address: string, port: number])[];
}

interface DiscoveryRequest {
  readonly type_url: string;
  readonly resource_names: readonly string[];
  /** Why the latest response was rejected. */
  readonly error_detail: { readonly message: string } | null;
}

type Stream = ServerDuplexStream<DiscoveryRequest, object>;

const SERVICE = 'kv';
const types = {
  listener: 'type.googleapis.com/envoy.config.listener.v3.Listener',
  httpConnectionManager:
    'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
  router: 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router',
  cluster: 'type.googleapis.com/envoy.config.cluster.v3.Cluster',
  endpoints: 'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment',
};

let machines: Command['machines'] = [];
let version = 0;
/** The types that each client has asked for, with the names. */
const asked = new Map<Stream, Map<string, string>>();

/** What there is of a type. */
function resourcesOf(type: string): object[] {
  switch (type) {
    case types.listener: {
      const route = { match: { prefix: '' }, route: { cluster: SERVICE } };
      const manager = {
        '@type': types.httpConnectionManager,
        route_config: { virtual_hosts: [{ name: SERVICE, domains: ['*'], routes: [route] }] },
        http_filters: [{ name: 'router', typed_config: { '@type': types.router } }],
      };
      return [{ name: SERVICE, api_listener: { api_listener: manager } }];
    }
    case types.cluster: {
      const edsConfig = { eds_config: { ads: {}, resource_api_version: 'V3' } };
      return [{ name: SERVICE, type: 'EDS', eds_cluster_config: edsConfig, lb_policy: 'ROUND_ROBIN' }];
    }
    case types.endpoints: {
      const endpoints = machines.map(([address, port]) => ({
        endpoint: { address: { socket_address: { address, port_value: port } } },
      }));
      const place = { locality: { region: 'lan' }, load_balancing_weight: { value: 1 }, lb_endpoints: endpoints };
      return [{ cluster_name: SERVICE, endpoints: [place] }];
    }
    default:
      return [];
  }
}

function send(stream: Stream, type: string): void {
  const resources = resourcesOf(type).map((resource) => ({ '@type': type, ...resource }));
  stream.write({ type_url: type, resources, version_info: String(version), nonce: String(version) });
}

function serve(stream: Stream): void {
  const names = new Map<string, string>();
  asked.set(stream, names);
  stream.on('data', ({ type_url: type, resource_names, error_detail: error }: DiscoveryRequest) => {
    if (error !== null) console.error(`rejected ${type}: ${error.message}`);
    // The same names again accept or reject what was sent.
    if (names.get(type) === resource_names.join()) return;
    names.set(type, resource_names.join());
    send(stream, type);
  });
  stream.on('error', () => undefined);
  stream.on('end', () => stream.end());
  stream.on('close', () => asked.delete(stream));
}

/** The services of the protos that come with gRPC's client. */
function loadAds(): ServiceClientConstructor['service'] {
  const directory = join(dirname(createRequire(import.meta.url).resolve('@grpc/grpc-js-xds')), '../../deps');
  const files = [
    'envoy/service/discovery/v3/ads.proto',
    'envoy/config/listener/v3/listener.proto',
    'envoy/config/cluster/v3/cluster.proto',
    'envoy/config/endpoint/v3/endpoint.proto',
    'envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.proto',
    'envoy/extensions/filters/http/router/v3/router.proto',
  ];
  const includeDirs = ['envoy-api', 'xds', 'googleapis', 'protoc-gen-validate'].map((name) => join(directory, name));
  const options = { includeDirs, keepCase: true, enums: String, defaults: true, longs: String };
  const packages = loadPackageDefinition(loadSync(files, options)) as unknown as {
    envoy: { service: { discovery: { v3: { AggregatedDiscoveryService: ServiceClientConstructor } } } };
  };
  return packages.envoy.service.discovery.v3.AggregatedDiscoveryService.service;
}

const [host = '127.0.0.1', port = '0'] = process.argv.slice(2);
const server = new Server();
server.addService(loadAds(), { StreamAggregatedResources: serve });
await serveGrpc(server, new TCPSocketTransport({ host, port: Number(port) }), ServerCredentials.createInsecure());

answerParent((command: Command) => {
  machines = command.machines;
  version++;
  for (const [stream, names] of asked) if (names.has(types.endpoints)) send(stream, types.endpoints);
  return Promise.resolve(asked.size);
});
