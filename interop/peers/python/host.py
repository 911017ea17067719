"""A host: launches a plugin, makes the given kind of calls, and checks the results. Exits with 0 on success.

usage: host.py [--mtls] calls|killed COMMAND...
"""

import os
import select
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import grpc

import auto_mtls
from kv import HEALTH_OF_PLUGIN, OPTIONS, SERVING, Client, controller, kv

TIMEOUT = 10


def check(holds, message):
    if not holds:
        sys.exit(f"host.py: {message}")


def equal(actual, expected, what):
    check(actual == expected, f"{what}: {actual!r:.200}, not {expected!r:.200}")


def code_of(call):
    """The status code that a call fails with."""
    try:
        call()
    except grpc.RpcError as error:
        return error.code()
    return grpc.StatusCode.OK


def launch(command, own):
    # What go-plugin's hosts set: the cookie, and the versions of the protocol that they speak.
    environment = {**os.environ, "BASIC_PLUGIN": "hello", "PLUGIN_PROTOCOL_VERSIONS": "1"}
    if own is not None:
        environment["PLUGIN_CLIENT_CERT"] = own.certificate.decode()
    return subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)


def handshake(plugin):
    """The fields of the handshake line."""
    readable, _, _ = select.select([plugin.stdout], [], [], TIMEOUT)
    check(readable, "no handshake line in time")
    line = plugin.stdout.readline()
    check(line.endswith("\n"), f"no handshake line: {line!r}")
    print(line, end="")
    return line.rstrip("\n").split("|")


def connect(target, trusted=None, own=None):
    """A channel: with TLS if there is a certificate to trust, and with a client certificate if there is one."""
    if trusted is None:
        return grpc.insecure_channel(target, OPTIONS)
    security = grpc.ssl_channel_credentials(trusted, own and own.key, own and own.certificate)
    # The certificate is for localhost, whatever the address.
    return grpc.secure_channel(target, security, [*OPTIONS, ("grpc.ssl_target_name_override", "localhost")])


def make_calls(client):
    equal(client.health(HEALTH_OF_PLUGIN, timeout=TIMEOUT), SERVING, "health")

    binary = bytes(range(256))
    client.put(kv.PutRequest(key="bytes", value=binary), timeout=TIMEOUT)
    equal(client.get(kv.GetRequest(key="bytes"), timeout=TIMEOUT).value, binary, "Get of bytes")
    # More than gRPC receives by default.
    large = binary * 20_000
    client.put(kv.PutRequest(key="größe", value=large), timeout=TIMEOUT)
    equal(client.get(kv.GetRequest(key="größe"), timeout=TIMEOUT).value, large, "Get of 5 MB")

    missing = kv.GetRequest(key="missing")
    try:
        client.get(missing, timeout=TIMEOUT)
        check(False, "Get of a missing key did not fail")
    except grpc.RpcError as error:
        equal(error.code(), grpc.StatusCode.NOT_FOUND, "Get of a missing key")
        equal(error.details(), 'no key "missing"', "details of a missing key")

    puts = [kv.PutRequest(key=f"many-{i}", value=f"{i}".encode() * i) for i in range(200)]
    equal(client.put_all(iter(puts), timeout=TIMEOUT).count, 200, "count of PutAll")
    listed = [(entry.key, entry.value) for entry in client.list(kv.Empty(), timeout=TIMEOUT)]
    equal(listed, [("bytes", binary), ("größe", large), *((put.key, put.value) for put in puts)], "List")

    answers = [client.get.future(kv.GetRequest(key=put.key), timeout=TIMEOUT) for put in puts]
    equal([answer.result().value for answer in answers], [put.value for put in puts], "200 calls at once")


def refuses_strangers(target, trusted, own):
    stranger = auto_mtls.make_identity()
    channels = {
        "without TLS": connect(target),
        "without a certificate": connect(target, trusted),
        "with an unknown certificate": connect(target, trusted, stranger),
        "that trusts another certificate": connect(target, stranger.certificate, own),
    }
    for name, channel in channels.items():
        with channel:
            code = code_of(lambda: Client(channel).get(kv.GetRequest(key="bytes"), timeout=TIMEOUT))
        equal(code, grpc.StatusCode.UNAVAILABLE, f"a call {name}")


def shut_down(client, plugin, network, address):
    client.shutdown(controller.Empty(), timeout=TIMEOUT)
    equal(plugin.wait(TIMEOUT), 0, "exit code of the plugin")
    check(network != "unix" or not os.path.exists(address), f"{address} was left behind")


def kill_amid_calls(client, plugin):
    """Kills the plugin during calls of every kind, each of which runs until it fails."""
    under_way = threading.Semaphore(0)

    def gets():
        while True:
            client.get(kv.GetRequest(key="value"), timeout=TIMEOUT)
            under_way.release()

    def lists():
        while True:
            for _ in client.list(kv.Empty(), timeout=TIMEOUT):
                under_way.release()

    def puts():
        def requests():
            while True:
                yield kv.PutRequest(key="value", value=b"x" * 65_536)
                under_way.release()

        client.put_all(requests(), timeout=TIMEOUT)

    def silence():
        """An idle call."""
        over = threading.Event()

        def requests():
            yield kv.PutRequest(key="value", value=b"x")
            under_way.release()
            over.wait()

        try:
            client.put_all(requests(), timeout=TIMEOUT)
        finally:
            over.set()

    client.put(kv.PutRequest(key="value", value=b"x"), timeout=TIMEOUT)
    with ThreadPoolExecutor() as threads:
        codes = [threads.submit(code_of, call) for call in (gets, lists, puts, silence)]
        for _ in range(100):
            check(under_way.acquire(timeout=TIMEOUT), "the calls do not start")
        plugin.kill()
        killed = time.monotonic()
        for code in codes:
            equal(code.result(), grpc.StatusCode.UNAVAILABLE, "a call to a killed plugin")
        check(time.monotonic() - killed < TIMEOUT / 2, "the calls did not end promptly")
    plugin.wait(TIMEOUT)


def main():
    arguments = sys.argv[1:]
    own = auto_mtls.make_identity() if arguments[0] == "--mtls" else None
    what, *command = arguments[1:] if own else arguments
    plugin = launch(command, own)
    try:
        core, app, network, address, protocol, *certificate = handshake(plugin)
        equal((core, app, protocol), ("1", "1", "grpc"), "versions and protocol in the handshake line")
        equal(len(certificate), 1 if own else 0, "certificates in the handshake line")
        trusted = auto_mtls.from_handshake_field(certificate[0]) if own else None
        target = f"unix:{address}" if network == "unix" else address
        with connect(target, trusted, own) as channel:
            client = Client(channel)
            if what == "killed":
                kill_amid_calls(client, plugin)
            else:
                make_calls(client)
                if own:
                    refuses_strangers(target, trusted, own)
                shut_down(client, plugin, network, address)
        print(f"{what}: as it should be")
    finally:
        plugin.kill()


main()
