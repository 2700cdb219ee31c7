"""Confines itself and becomes the tool: ``python -I -S sandbox_launcher.py POLICY COMMAND…``.

A program of its own, because what it does to itself cannot be undone and must not be done
between ``fork`` and ``exec`` of a server with threads. It imports nothing of the project, so
that it begins in an instant. ``POLICY`` is JSON, see ``zhixin.sandbox``; without a command it
tells which layers this machine has.

The kernel's interfaces by number: landlock(7), seccomp(2), unshare(2), prctl(2). No kept library
has them all three, and those that have one are young; it is a page of calls.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import resource
import signal
import struct
import sys
from typing import Any

#: What the launcher itself could not do; beyond the codes of the tools it starts.
FAILED = 125

PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP = 1, 38, 22
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
#: Landlock: rights to what is below a folder, by the version that brought them.
EXECUTE, WRITE, READ, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
REMOVE_DIR, REMOVE_FILE, MAKE_DIR, MAKE_FILE = 1 << 4, 1 << 5, 1 << 7, 1 << 8
REFER, TRUNCATE, IOCTL = 1 << 13, 1 << 14, 1 << 15
ALL_FIRST = (1 << 13) - 1
LOOK = EXECUTE | READ | READ_DIR
OF_FILES = EXECUTE | WRITE | READ | TRUNCATE | IOCTL
OWN = READ | READ_DIR | WRITE | REMOVE_DIR | REMOVE_FILE | MAKE_DIR | MAKE_FILE | REFER | TRUNCATE

#: Calls no tool needs, by architecture: (its audit number, socket and what leads around the rest).
CALLS = {
    # socket ptrace mount setns unshare io_uring_setup process_vm_{read,write}v keyctl bpf
    # perf_event_open userfaultfd open_by_handle_at
    "x86_64": (0xC000003E, (41, 101, 165, 308, 272, 425, 310, 311, 250, 321, 298, 323, 304)),
    "aarch64": (0xC00000B7, (198, 117, 40, 268, 97, 425, 270, 271, 219, 280, 241, 282, 265)),
}

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long


def main(arguments: list[str]) -> int:
    policy: dict[str, Any] = json.loads(arguments[0])
    command = arguments[1:]
    _limit(policy["limits"])
    os.nice(policy["nice"])
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # which Python ignores, and passes on
        signal.signal(number, signal.SIG_DFL)
    layers = {"network": _leave_network(), "files": False, "calls": False}
    if _prctl(PR_SET_NO_NEW_PRIVS, 1):
        layers["files"] = _keep_to(policy["reads"], policy["writes"])
        layers["calls"] = _refuse_calls()
    if not command:
        sys.stdout.write(json.dumps(layers))
        return 0
    # Last: a change of credentials above would have taken it back.
    if sys.platform == "linux":
        _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != policy["parent"]:  # it died meanwhile
            return FAILED
    try:
        os.execve(command[0], command, policy["environment"])  # noqa: S606
    except OSError as error:
        sys.stderr.write(f"{command[0]}: {error.strerror}\n")
        return FAILED


def _limit(limits: dict[str, int]) -> None:
    for name, most in limits.items():
        kind = getattr(resource, f"RLIMIT_{name}")
        _soft, hard = resource.getrlimit(kind)
        if hard != resource.RLIM_INFINITY:  # what the service was given is never exceeded
            most = min(most, hard)
        resource.setrlimit(kind, (most, most))


def _prctl(option: int, value: int) -> bool:
    return bool(sys.platform == "linux" and libc.prctl(option, value, 0, 0, 0) == 0)


def _leave_network() -> bool:
    """A network of its own, with nothing in it: not even the loopback is up."""
    if sys.platform != "linux":
        return False
    user, group = os.geteuid(), os.getegid()
    if user == 0 and libc.unshare(CLONE_NEWNET) == 0:
        return True
    if libc.unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0:
        return False  # many containers and some distributions do not allow it
    # Unmapped, it could make no file.
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{user} {user} 1"),
        ("gid_map", f"{group} {group} 1"),
    ):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)
    return True


def _keep_to(reads: list[str], writes: list[str]) -> bool:
    """Landlock: no file but these, no TCP, no signal to anybody outside."""
    if sys.platform != "linux":
        return False
    version = libc.syscall(444, None, ctypes.c_size_t(0), ctypes.c_uint(1))
    if version < 1:
        return False
    handled = ALL_FIRST
    for since, right in ((2, REFER), (3, TRUNCATE), (5, IOCTL)):
        handled |= right if version >= since else 0
    rules = struct.pack("QQQ", handled, 3 if version >= 4 else 0, 3 if version >= 6 else 0)
    rules = rules[: 8 if version < 4 else 16 if version < 6 else 24]
    ruleset = libc.syscall(444, rules, ctypes.c_size_t(len(rules)), ctypes.c_uint(0))
    if ruleset < 0:
        return False
    for paths, rights in ((reads, LOOK), (writes, OWN), (["/dev/null"], READ | WRITE)):
        for path in paths:
            _allow(ruleset, path, rights & handled)
    done = libc.syscall(446, ruleset, ctypes.c_uint(0)) == 0
    os.close(ruleset)
    return bool(done)


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    if not os.path.isdir(path):
        rights &= OF_FILES
    rule = struct.pack("=Qi", rights, place)
    if libc.syscall(445, ruleset, ctypes.c_uint(1), rule, ctypes.c_uint(0)) != 0:
        raise OSError(ctypes.get_errno(), "landlock_add_rule", path)
    os.close(place)


def _refuse_calls() -> bool:
    """Seccomp: no socket of any family, and none of the calls that lead around the rest."""
    if sys.platform != "linux" or os.uname().machine not in CALLS:
        return False
    architecture, numbers = CALLS[os.uname().machine]
    load, equal, greater, answer = 0x20, 0x15, 0x35, 0x06
    allow, refuse, kill = 0x7FFF0000, 0x00050000 | errno.EPERM, 0x80000000
    program = [
        (load, 0, 0, 4),
        (equal, 1, 0, architecture),
        (answer, 0, 0, kill),  # another architecture's numbers mean other calls
        (load, 0, 0, 0),
        (greater, len(numbers) + 1, 0, 0x40000000),  # x32's
        *[(equal, len(numbers) - i, 0, number) for i, number in enumerate(numbers)],
        (answer, 0, 0, allow),
        (answer, 0, 0, refuse),
    ]
    code = b"".join(struct.pack("HBBI", *step) for step in program)
    kept = ctypes.create_string_buffer(code, len(code))
    head = struct.pack("HxxxxxxP", len(program), ctypes.addressof(kept))
    return bool(libc.prctl(PR_SET_SECCOMP, 2, head, 0, 0) == 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
