"""Which SE Linux labels the image's own policy gives to files: libselinux reads its file_contexts(5).

Only asks, sets nothing: that works on machines without SE Linux (selabel_file(5), SELABEL_OPT_PATH).
"""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path

_CTX_FILE, _OPT_PATH = 0, 3  # SELABEL_CTX_FILE, SELABEL_OPT_PATH in selinux/label.h
_LABEL = re.compile(r"[A-Za-z0-9_.:,-]{1,200}")


class _Option(ctypes.Structure):
    _fields_ = [("type", ctypes.c_int), ("value", ctypes.c_char_p)]


def labels_of(file_contexts: Path, modes: Mapping[str, int]) -> dict[str, str]:
    """Path -> label, for those that have one; ``modes``: path -> file type and mode (stat(2)).  Empty where there is no
    libselinux or the file cannot be read: then a file gets the label of its folder.

    ``file_contexts``: beside it, its .local, .homedirs, .subs and .subs_dist are read as well."""
    library = _library()
    if library is None or not file_contexts.is_file():
        return {}
    options = (_Option * 1)(_Option(_OPT_PATH, os.fsencode(file_contexts)))
    handle = library.selabel_open(_CTX_FILE, options, 1)
    if not handle:
        return {}
    found = {}
    try:
        for path, mode in modes.items():
            label = ctypes.c_char_p()
            if library.selabel_lookup_raw(handle, ctypes.byref(label), path.encode(), mode) == 0:
                text = (label.value or b"").decode("ascii", "replace")
                library.freecon(label)
                if _LABEL.fullmatch(text):
                    found[path] = text
    finally:
        library.selabel_close(handle)
    return found


def with_folders(files: Mapping[str, int]) -> dict[str, int]:
    """The files (path -> permissions) and all folders above them, as ``labels_of`` wants them."""
    found = {path: stat.S_IFREG | mode for path, mode in files.items()}
    for path in files:
        while (path := os.path.dirname(path)) != "/":
            found[path] = stat.S_IFDIR | 0o755
    return found


def _library() -> ctypes.CDLL | None:
    try:
        library = ctypes.CDLL(ctypes.util.find_library("selinux") or "libselinux.so.1")
    except OSError:
        return None
    library.selabel_open.argtypes = [ctypes.c_uint, ctypes.POINTER(_Option), ctypes.c_uint]
    library.selabel_open.restype = ctypes.c_void_p
    library.selabel_lookup_raw.argtypes = [
        ctypes.c_void_p,
        ctypes.POINTER(ctypes.c_char_p),
        ctypes.c_char_p,
        ctypes.c_int,
    ]
    library.selabel_close.argtypes = [ctypes.c_void_p]
    library.freecon.argtypes = [ctypes.c_char_p]
    return library
