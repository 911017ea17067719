"""Puts and gets a value through a gRPC channel to each target, taken as it stands. Exits with 0 if that went well.

usage: call.py TARGET...
"""

import sys

import grpc

from kv import Client, kv

for target in sys.argv[1:]:
    # No more than a proxy in the environment is to be kept out.
    with grpc.insecure_channel(target, [("grpc.enable_http_proxy", 0)]) as channel:
        client = Client(channel)
        client.put(kv.PutRequest(key=target, value=b"python"), timeout=10)
        value = client.get(kv.GetRequest(key=target), timeout=10).value
        if value != b"python":
            sys.exit(f"{target}: {value!r}")
    print(target)
