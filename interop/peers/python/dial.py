"""Connects sockets to the addresses of handshake lines, as Go's net.Dial does. Exits with 0 if all echo what they get.

usage: dial.py NETWORK ADDRESS...
"""

import socket
import sys


def dial(network, address):
    if network == "unix":
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(10)
        connection.connect(address)
        return connection
    host, _, port = address.rpartition(":")
    return socket.create_connection((host.removeprefix("[").removesuffix("]"), int(port)), timeout=10)


network, *addresses = sys.argv[1:]
for address in addresses:
    with dial(network, address) as connection:
        connection.sendall(address.encode())
        connection.shutdown(socket.SHUT_WR)
        received = b"".join(iter(lambda: connection.recv(65_536), b""))
    if received != address.encode():
        sys.exit(f"{address}: {received!r}")
    print(address)
