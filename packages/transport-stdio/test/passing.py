"""Runs a program with something at descriptor 3: `passing.py WHAT PROGRAM...`."""

import os
import pty
import socket
import sys
import tempfile

what, program = sys.argv[1], sys.argv[2:]
keep = []


def terminal():
    master, slave = pty.openpty()
    keep.append(master)
    return slave


def listener():
    server = socket.socket(socket.AF_UNIX)
    directory = tempfile.mkdtemp()
    path = os.path.join(directory, "s")
    server.bind(path)
    server.listen()
    os.unlink(path)
    os.rmdir(directory)
    return server.detach()


def datagrams():
    end, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    keep.append(other.detach())
    return end.detach()


def pipe(end):
    ends = os.pipe()
    # The program has one end of the pipe; nobody has the other.
    return ends[end]


def connection():
    end, other = socket.socketpair()
    keep.append(other.detach())
    return end.detach()


passed = {
    "a terminal": terminal,
    "a file": lambda: os.open(__file__, os.O_RDONLY),
    "a directory": lambda: os.open("/", os.O_RDONLY),
    "a listener": listener,
    "a datagram socket": datagrams,
    "the reading end of a pipe": lambda: pipe(0),
    "the writing end of a pipe": lambda: pipe(1),
    "a connection": connection,
}[what]()
os.dup2(passed, 20)
os.closerange(3, 20)
os.dup2(20, 3)
os.close(20)
os.set_inheritable(3, True)
os.execvp(program[0], program)
