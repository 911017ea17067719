"""Runs a program under a Landlock ruleset that lets it do anything but move and link files between directories.

Exits with 77 if this kernel has no Landlock.
"""

import ctypes
import os
import struct
import sys

PR_SET_NO_NEW_PRIVS = 38
LANDLOCK_CREATE_RULESET = 444
LANDLOCK_RESTRICT_SELF = 446
# Any right: "refer" is denied by every ruleset that does not grant it (landlock(7)).
MAKE_BLOCK = 1 << 11

libc = ctypes.CDLL(None, use_errno=True)
rights = struct.pack("Q", MAKE_BLOCK)
ruleset = libc.syscall(LANDLOCK_CREATE_RULESET, rights, len(rights), 0)
if ruleset < 0:
    sys.exit(77)
libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
if libc.syscall(LANDLOCK_RESTRICT_SELF, ruleset, 0) < 0:
    sys.exit(77)
os.execvp(sys.argv[1], sys.argv[1:])
