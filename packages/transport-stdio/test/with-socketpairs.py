"""Runs a program with pairs of connected sockets: `with-socketpairs.py COUNT PROGRAM...`.

The program finds their descriptors in SOCKETPAIRS, in order, separated by commas.
"""

import os
import socket
import sys

count, program = int(sys.argv[1]), sys.argv[2:]
descriptors = [end.detach() for _ in range(count) for end in socket.socketpair()]
for descriptor in descriptors:
    os.set_inheritable(descriptor, True)
os.environ["SOCKETPAIRS"] = ",".join(map(str, descriptors))
os.execvp(program[0], program)
