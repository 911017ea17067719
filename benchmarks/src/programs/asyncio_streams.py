"""Either end of connections over asyncio's streams, the counterpart of sockets.ts: `asyncio_streams.py <network>`."""

import asyncio
import json
import os
import sys
import time

NETWORK = sys.argv[1]
CHUNK = bytes(64 * 1024)
echoing = None


async def serve(reader, writer):
    command, *size = (await reader.readline()).split()
    if command == b"hold":
        writer.write(b".")
    if command == b"send":
        await send(writer, int(size[0]))
    else:
        while data := await reader.read(len(CHUNK)):
            writer.write(data)
            await writer.drain()
    writer.close()


async def send(writer, size):
    while size > 0:
        writer.write(CHUNK[:size])
        await writer.drain()
        size -= len(CHUNK)


async def receive(reader, size):
    while size > 0:
        size -= len(await reader.read(len(CHUNK)))


async def dial(address):
    if NETWORK == "unix":
        return await asyncio.open_unix_connection(address)
    host, port = address.rsplit(":", 1)
    return await asyncio.open_connection(host, int(port))


async def ask(address, command):
    reader, writer = await dial(address)
    writer.write(command.encode() + b"\n")
    return reader, writer


async def listen(directory):
    if NETWORK == "unix":
        path = os.path.join(directory, f"python-{os.getpid()}.sock")
        await asyncio.start_unix_server(serve, path)
        return path
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    return "127.0.0.1:%d" % server.sockets[0].getsockname()[1]


async def connect(address, count):
    spent = 0
    for _ in range(count):
        started = time.perf_counter()
        reader, writer = await dial(address)
        spent += time.perf_counter() - started
        # Waits until the other end has accepted, as a full backlog would distort the times.
        writer.write(b"hold\n")
        await reader.readexactly(1)
        writer.close()
        await writer.wait_closed()
    return spent * 1e6 / count


async def round_trip(address, count, size):
    global echoing
    if echoing is None:
        echoing = await ask(address, "echo")
    reader, writer = echoing
    started = time.perf_counter()
    for _ in range(count):
        writer.write(CHUNK[:size])
        await reader.readexactly(size)
    return (time.perf_counter() - started) * 1e6 / count


async def download(address, size):
    started = time.perf_counter()
    reader, writer = await ask(address, f"send {size}")
    await receive(reader, size)
    writer.close()
    return size / 1e6 / (time.perf_counter() - started)


async def echo(address, size):
    started = time.perf_counter()
    reader, writer = await ask(address, "echo")
    await asyncio.gather(send(writer, size), receive(reader, size))
    writer.close()
    return size / 1e6 / (time.perf_counter() - started)


COMMANDS = {"listen": listen, "connect": connect, "roundTrip": round_trip, "download": download, "echo": echo}


async def main():
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        name, *arguments = json.loads(line)
        try:
            answer = {"result": await COMMANDS[name](*arguments)}
        except Exception as error:
            answer = {"error": repr(error)}
        print(json.dumps(answer), flush=True)
    os._exit(0)


asyncio.run(main())
