"""Runs inside the new system with its own Python: prints the SE Linux label that each file should have.

Only asks the policy (selabel_lookup(3)), sets nothing: that works for every user and on machines without SE Linux.
Output: label NUL path NUL, for every file system object that has a label.
"""

import os
import sys

import selinux

policy = selinux.selabel_open(selinux.SELABEL_CTX_FILE, None, 0)


def say(path: str) -> None:
    try:
        _, label = selinux.selabel_lookup_raw(policy, path, os.lstat(path).st_mode)
    except FileNotFoundError:  # <<none>> in file_contexts(5): whoever makes the file decides
        return
    sys.stdout.buffer.write(os.fsencode(label) + b"\0" + os.fsencode(path) + b"\0")


say("/")
for folder, folders, files in os.walk("/"):
    for name in sorted(folders + files):
        say(os.path.join(folder, name))
