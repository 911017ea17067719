"""A plugin: serves a key-value store, prints the handshake line, and stops when asked.

It reads the same environment variables as the plugin in examples/kv.
"""

import os
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor

import grpc

import auto_mtls
from kv import HEALTH_OF_PLUGIN, OPTIONS, SERVING, controller, kv

entries = {}
stopped = threading.Event()


def get(request, context):
    if request.key not in entries:
        context.abort(grpc.StatusCode.NOT_FOUND, f'no key "{request.key}"')
    return kv.GetResponse(value=entries[request.key])


def put(request, _context):
    entries[request.key] = request.value
    return kv.Empty()


def list_entries(_request, _context):
    for key, value in list(entries.items()):
        yield kv.Entry(key=key, value=value)


def put_all(requests, _context):
    count = 0
    for request in requests:
        entries[request.key] = request.value
        count += 1
    return kv.PutAllResponse(count=count)


def shutdown(_request, _context):
    stopped.set()
    return controller.Empty()


def health(request, context):
    if request != HEALTH_OF_PLUGIN:
        context.abort(grpc.StatusCode.NOT_FOUND, "unknown service")
    return SERVING


def encode(message):
    return message.SerializeToString()


SERVICES = {
    "proto.KV": {
        "Get": grpc.unary_unary_rpc_method_handler(get, kv.GetRequest.FromString, encode),
        "Put": grpc.unary_unary_rpc_method_handler(put, kv.PutRequest.FromString, encode),
        "List": grpc.unary_stream_rpc_method_handler(list_entries, kv.Empty.FromString, encode),
        "PutAll": grpc.stream_unary_rpc_method_handler(put_all, kv.PutRequest.FromString, encode),
    },
    "plugin.GRPCController": {
        "Shutdown": grpc.unary_unary_rpc_method_handler(shutdown, controller.Empty.FromString, encode),
    },
    "grpc.health.v1.Health": {"Check": grpc.unary_unary_rpc_method_handler(health)},
}


def main():
    # A stream occupies a thread until it ends.
    server = grpc.server(ThreadPoolExecutor(max_workers=16), options=OPTIONS)
    server.add_generic_rpc_handlers(
        [grpc.method_handlers_generic_handler(service, methods) for service, methods in SERVICES.items()]
    )
    host_certificate = os.environ.get("PLUGIN_CLIENT_CERT")
    own = auto_mtls.make_identity() if host_certificate else None

    def add_port(address):
        if own is None:
            return server.add_insecure_port(address)
        pairs = [(own.key, own.certificate)]
        trusted = host_certificate.encode()
        security = grpc.ssl_server_credentials(pairs, root_certificates=trusted, require_client_auth=True)
        return server.add_secure_port(address, security)

    network = os.environ["PLUGIN_TRANSPORTS"]
    if network == "unix":
        address = os.path.join(tempfile.mkdtemp(dir=os.environ["PLUGIN_UNIX_SOCKET_DIR"]), "plugin")
        add_port(f"unix:{address}")
    else:
        host = os.environ.get("KV_HOST", "127.0.0.1")
        host = f"[{host}]" if ":" in host else host
        address = f"{host}:{add_port(f'{host}:0')}"
    server.start()
    fields = ["1", "1", network, address, "grpc", *([auto_mtls.to_handshake_field(own)] if own else [])]
    print("|".join(fields), flush=True)
    stopped.wait()
    server.stop(grace=1).wait()


main()
