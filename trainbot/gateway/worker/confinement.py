"""Confines a worker to the sockets that it is handed: it opens no file and no connection, runs no program, starts no
process, and reaches no other process.

Landlock refuses what it knows, on any architecture; a seccomp filter refuses the system calls themselves, on x86-64.  By
then the worker has loaded all that it needs: neither leaves an exception.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
import resource
from contextlib import suppress

import asyncssh

from trainbot.adapters.hosts import confined_emulator as confined

#: System calls of x86-64 (syscalls(2)) and their numbers: refused with EPERM.
REFUSED = """
    open 2 creat 85 openat 257 openat2 437 open_by_handle_at 304 truncate 76 link 86 linkat 265 symlink 88
    symlinkat 266 unlink 87 unlinkat 263 rename 82 renameat 264 renameat2 316 mkdir 83 mkdirat 258 rmdir 84 mknod 133
    mknodat 259 chmod 90 fchmodat 268 chown 92 lchown 94 fchownat 260 socket 41 connect 42 accept 43 accept4 288
    bind 49 listen 50 socketpair 53 clone 56 clone3 435 fork 57 vfork 58 execve 59 execveat 322 kill 62 tkill 200
    tgkill 234 rt_sigqueueinfo 129 rt_tgsigqueueinfo 297 pidfd_open 434 pidfd_send_signal 424 pidfd_getfd 438
    ptrace 101 kcmp 312 process_vm_readv 310 process_vm_writev 311 process_madvise 440 userfaultfd 323 shmget 29
    shmat 30 semget 64 msgget 68 mq_open 240 add_key 248 request_key 249 keyctl 250 bpf 321 perf_event_open 298
    io_uring_setup 425 mount 165 umount2 166 chroot 161 pivot_root 155 unshare 272 setns 308 prlimit64 302
    setrlimit 160 setpriority 141 sched_setscheduler 144 sched_setaffinity 203
"""
LIMITS = (resource.RLIMIT_CORE, resource.RLIMIT_FSIZE, resource.RLIMIT_NPROC)


def confine() -> bool:
    """Confines this process for good; whether the kernel can.  Raises OSError."""
    null = os.open(os.devnull, os.O_RDWR)
    for limit in LIMITS:
        resource.setrlimit(limit, (0, 0))
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(confined.USER, confined.USER, confined.USER)
        os.setresuid(confined.USER, confined.USER, confined.USER)
    version = confined.landlock_version()
    if version:
        confined.restrict(version, [])
    else:
        confined.gain_nothing()
    os.dup2(null, 2)  # until now it could say why it does not start; messages go to the gateway
    os.close(null)
    return _filter_calls() or version > 0


def _filter_calls() -> bool:
    """Whether the kernel filters system calls from now on."""
    if os.uname().machine != "x86_64":
        return False
    try:
        confined.refuse_calls([int(word) for word in REFUSED.split() if word.isdigit()])
    except OSError:  # it has no seccomp
        return False
    return True


def load() -> None:
    """Loads what would be loaded when it is needed first; before ``confine``."""
    for module in pkgutil.iter_modules(asyncssh.__path__, "asyncssh."):
        with suppress(ImportError):  # of other systems
            importlib.import_module(module.name)
    for name in ("idna", "punycode", "latin-1", "ascii", "utf-16", "unicode_escape"):
        "a".encode(name)
    importlib.import_module("linecache")
