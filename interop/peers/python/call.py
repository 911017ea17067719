"""Puts and gets a value through a gRPC channel to each target, unmodified. Exits with 0 on success.

usage: call.py TARGET...
"""

import sys

import grpc

from kv import Client, kv

for target in sys.argv[1:]:
    # The only option disables proxies from the environment.
    with grpc.insecure_channel(target, [("grpc.enable_http_proxy", 0)]) as channel:
        client = Client(channel)
        client.put(kv.PutRequest(key=target, value=b"python"), timeout=10)
        value = client.get(kv.GetRequest(key=target), timeout=10).value
        if value != b"python":
            sys.exit(f"{target}: {value!r}")
    print(target)
