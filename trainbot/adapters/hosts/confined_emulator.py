"""Starts QEMU so that it reaches only what its lab needs: this file is copied to an embedded host's root and is the
emulator that libvirt is given (adapters.hosts.confinement).

Landlock (https://docs.kernel.org/userspace-api/landlock.html) limits files to the lab's own disk, its image and the
system's libraries, and TCP to the one port that leads to the lab's ssh; a seccomp filter refuses new unix sockets, which
could reach the bot's or another lab's.  What QEMU is told to open stands in its arguments, as libvirt writes them.  Only
the standard library is used, and little of it: it delays the start of each lab.
"""

from __future__ import annotations

import ctypes
import json
import os
from itertools import pairwise

CREATE, ADD_RULE, RESTRICT = 444, 445, 446  # system calls, the same on all architectures
BENEATH, PORT = 1, 2  # kinds of rules
EXECUTE, WRITE, READ, READ_FOLDER, TRUNCATE, IOCTL = 1 << 0, 1 << 1, 1 << 2, 1 << 3, 1 << 14, 1 << 15
BIND, SIGNALS, ABSTRACT_SOCKETS = 1 << 0, 1 << 1, 1 << 0
#: Interface version -> the highest file right that it knows.
FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15}
LIBRARIES = ("/usr", "/lib", "/lib64", "/bin", "/etc/ld.so.cache", "/etc/qemu", "/proc", "/sys")
DEVICES = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom", "/dev/kvm")
NO_NEW_PRIVILEGES, SET_SECCOMP, FILTER, KEEP_CAPABILITIES, AMBIENT, AMBIENT_RAISE = 38, 22, 2, 8, 47, 2  # prctl(2)
USER = 2_007_000_000  # and group: of emulators that root starts; systemd and Debian give this number to nobody
CAPABILITIES, DAC_OVERRIDE = 0x20080522, 1  # capset(2), capabilities(7)
X86_64, X32, SOCKET, IO_URING, UNIX = 0xC000003E, 0x40000000, 41, 425, 1  # io_uring could open sockets as well
LOAD, EQUAL, AT_LEAST, END = 0x20, 0x15, 0x35, 0x06  # instructions of a filter
ALLOW, REFUSE, KILL = 0x7FFF0000, 0x00050001, 0x80000000  # REFUSE: with EPERM

libc = ctypes.CDLL(None, use_errno=True)


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("access", ctypes.c_uint64), ("folder", ctypes.c_int32))


class _Port(ctypes.Structure):
    _fields_ = (("access", ctypes.c_uint64), ("port", ctypes.c_uint64))


class _Instruction(ctypes.Structure):
    _fields_ = (("code", ctypes.c_uint16), ("yes", ctypes.c_uint8), ("no", ctypes.c_uint8), ("value", ctypes.c_uint32))


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint16), ("code", ctypes.POINTER(_Instruction)))


def landlock_version() -> int:
    """The version of the kernel's Landlock interface; 0 if it has none."""
    return max(0, int(libc.syscall(CREATE, None, 0, 1)))


def named(arguments: list[str]) -> tuple[set[str], set[str], int]:
    """(files to read, files to write, port to listen on) in QEMU's arguments."""
    read, port = set(), 0
    nodes = {}
    for option, value in pairwise(arguments):
        if option in ("-kernel", "-initrd", "-dtb"):
            read.add(value)
        elif option == "-blockdev":
            node = json.loads(value)
            nodes[node["node-name"]] = node
        elif option == "-object" and value.startswith("{"):
            read |= {json.loads(value)["file"]} if "file" in json.loads(value) else set()
        elif option == "-netdev" and "hostfwd=tcp:127.0.0.1:" in value:
            port = int(value.split("hostfwd=tcp:127.0.0.1:")[1].split("-")[0])
    write = set()
    for node in nodes.values():
        if "filename" in node:
            read.add(node["filename"])
        elif not node.get("read-only", True) and isinstance(node.get("file"), str):
            write.add(nodes[node["file"]]["filename"])
    return read - write, write, port


def confine(version: int, read: set[str], write: set[str], port: int, emulator: str) -> None:
    """Restricts this process to what an emulator needs, for good.  Raises OSError."""
    files = [
        *((path, EXECUTE | READ | READ_FOLDER) for path in (*LIBRARIES, os.path.dirname(os.path.realpath(emulator)))),
        *((path, READ | WRITE | IOCTL) for path in DEVICES),
        *((path, READ) for path in read),
        *((path, READ | WRITE | TRUNCATE) for path in write),
    ]
    restrict(version, files, port)


def restrict(version: int, files: list[tuple[str, int]], port: int = 0) -> None:
    """Restricts this process for good: it may open these files with these rights, and listen on ``port``; nothing else
    that Landlock knows.  Raises OSError."""
    known = (1 << FILE_RIGHTS.get(version, 16)) - 1
    scoped = SIGNALS | ABSTRACT_SOCKETS if version >= 6 else 0
    rules = _Ruleset(known, 3 if version >= 4 else 0, scoped)
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    ruleset = _called(libc.syscall(CREATE, ctypes.byref(rules), size, 0))
    for path, rights in files:
        try:
            folder = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except OSError:
            continue  # what is not there cannot be opened either
        rights &= known if os.path.isdir(path) else known & ~READ_FOLDER
        _called(libc.syscall(ADD_RULE, ruleset, BENEATH, ctypes.byref(_Beneath(rights, folder)), 0))
        os.close(folder)
    if version >= 4 and port:
        _called(libc.syscall(ADD_RULE, ruleset, PORT, ctypes.byref(_Port(BIND, port)), 0))
    gain_nothing()
    _called(libc.syscall(RESTRICT, ruleset, 0))
    os.close(ruleset)


def gain_nothing() -> None:
    """No program that it runs has more rights (no_new_privs, prctl(2)); a seccomp filter needs that.  Raises OSError."""
    _called(libc.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0))


def refuse_unix_sockets() -> None:
    """Makes socket(AF_UNIX, …) fail with EPERM; those that libvirt opened stay.  Other architectures' system calls end the
    process.  Raises OSError."""
    _filter(
        [
            _Instruction(EQUAL, 5, 0, IO_URING),  # on to REFUSE
            _Instruction(EQUAL, 0, 2, SOCKET),  # otherwise: on to ALLOW
            _Instruction(LOAD, 0, 0, 16),  # its first argument
            _Instruction(EQUAL, 2, 0, UNIX),  # on to REFUSE
        ]
    )


def refuse_calls(numbers: list[int]) -> None:
    """Makes these system calls of x86-64 fail with EPERM.  Raises OSError."""
    count = len(numbers)
    _filter([_Instruction(EQUAL, count - at + 1, 0, number) for at, number in enumerate(numbers)])


def _filter(decide: list[_Instruction]) -> None:
    """A seccomp filter (seccomp(2)): ``decide`` has the number of the call, and is followed by ALLOW, KILL and REFUSE."""
    program = [
        _Instruction(LOAD, 0, 0, 4),  # the architecture
        _Instruction(EQUAL, 0, len(decide) + 3, X86_64),  # otherwise: on to KILL
        _Instruction(LOAD, 0, 0, 0),  # the number of the call
        _Instruction(AT_LEAST, len(decide) + 1, 0, X32),  # on to KILL
        *decide,
        *(_Instruction(END, 0, 0, action) for action in (ALLOW, KILL, REFUSE)),
    ]
    code = (_Instruction * len(program))(*program)
    _called(libc.prctl(SET_SECCOMP, FILTER, ctypes.byref(_Program(len(code), code)), 0, 0))


def give_up_root() -> None:
    """Goes on as a user who is nobody else, with the one right of root that opening the lab's files needs: they may be in
    a home that only root can enter, and Landlock says which they are.  Raises OSError."""
    try:
        groups = [os.stat("/dev/kvm").st_gid]
    except OSError:
        groups = []
    _called(libc.prctl(KEEP_CAPABILITIES, 1, 0, 0, 0))
    os.setgroups(groups)
    os.setresgid(USER, USER, USER)
    os.setresuid(USER, USER, USER)
    header, own = (ctypes.c_uint32 * 2)(CAPABILITIES, 0), 1 << DAC_OVERRIDE
    _called(libc.capset(header, (ctypes.c_uint32 * 6)(own, own, own, 0, 0, 0)))  # effective, permitted, inheritable
    _called(libc.prctl(AMBIENT, AMBIENT_RAISE, DAC_OVERRIDE, 0, 0))


def _called(result: int) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def main(emulator: str, arguments: list[str]) -> None:
    """Becomes the emulator.  The one that libvirt starts to ask what it can do (``-machine none``) has no lab in it."""
    version = landlock_version()
    if version and not any(pair[0] == "-machine" and pair[1].startswith("none") for pair in pairwise(arguments)):
        rules = named(arguments)
        if os.geteuid() == 0:
            give_up_root()
        confine(version, *rules, emulator)
        if os.uname().machine == "x86_64":
            refuse_unix_sockets()
    os.execv(emulator, [emulator, *arguments])  # noqa: S606  libvirt's own arguments
