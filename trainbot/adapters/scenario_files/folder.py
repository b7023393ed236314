"""Reads an exercise's files: never outside its folder, never more than a limit, and without tracebacks."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

from trainbot.core.text import many_lines, one_line

INDEX_LIMIT = 1 << 20  # bytes
SCRIPT_LIMIT = 1 << 20
TEXT_LIMIT = 64 << 10  # rendered on the bot's loop
YAML_EVENTS = 20_000
DEPTH = 32


class FileRefused(Exception):
    """A file was refused; the text says why, in one sentence."""


class FileMissing(FileRefused):
    """The file does not exist."""


def read_bytes(folder: Path, name: str, limit: int) -> bytes:
    """The content of the file ``name`` below ``folder``.  Raises FileMissing, or FileRefused if the path is absolute or
    leads outside the folder (links are followed), or if the file is not a regular file, is larger than ``limit`` bytes
    or cannot be read."""
    if not name or "\0" in name:
        raise FileRefused("is not a file name")
    try:
        fd = os.open(_below(folder, name), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        raise FileMissing(f"there is no file {one_line(name)}") from None
    except (OSError, RuntimeError, ValueError) as error:  # RuntimeError: a loop of links
        raise FileRefused(f"{one_line(name)} cannot be read: {getattr(error, 'strerror', None) or error}") from None
    try:
        state = os.fstat(fd)
        if not stat.S_ISREG(state.st_mode):
            raise FileRefused(f"{one_line(name)} is not a regular file")
        with open(fd, "rb", closefd=False) as file:
            data = file.read(min(state.st_size, limit) + 1)  # asking for more would allocate a buffer of that size
    finally:
        os.close(fd)
    if len(data) > limit:
        raise FileRefused(f"{one_line(name)} is larger than {limit >> 10} KiB")
    return data


def _below(folder: Path, name: str) -> str:
    """The path of ``name``.  Only a path with links needs every part resolved."""
    parts = name.replace("\\", "/").split("/")
    if parts[0] == "" or ".." in parts:
        raise FileRefused(f"{one_line(name)} is outside the exercise's folder")
    path = str(folder)
    for part in parts:
        path = f"{path}/{part}"
        if os.path.islink(path):
            root, found = folder.resolve(), folder.joinpath(*parts).resolve()
            if not found.is_relative_to(root):
                raise FileRefused(f"{one_line(name)} is a link out of the exercise's folder")
            return str(found)
    return path


def read_text(folder: Path, name: str, limit: int = TEXT_LIMIT) -> str:
    """Like ``read_bytes``, but decoded (as UTF-8, or else Latin-1, which never fails) and cleaned."""
    data = read_bytes(folder, name, limit)
    try:
        return many_lines(data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        return many_lines(data.decode("latin-1"))


def parse(text: str, is_yaml: bool) -> object:
    """The data in a JSON or YAML text.  Raises FileRefused, with the line if it is known."""
    try:
        return _load_yaml(text) if is_yaml else json.loads(text)
    except json.JSONDecodeError as error:
        raise FileRefused(f"line {error.lineno}: {one_line(error.msg)}") from None
    except (ValueError, LookupError, AttributeError, TypeError, ArithmeticError) as error:
        raise FileRefused(f"cannot be parsed: {one_line(str(error))}") from None
    except RecursionError:
        raise FileRefused("is nested too deeply") from None


def _load_yaml(text: str) -> object:
    import yaml  # few exercises have any

    try:
        return _safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise FileRefused(line + one_line(error.problem or "not YAML")) from None
    except yaml.YAMLError as error:
        raise FileRefused(f"cannot be parsed: {one_line(str(error))}") from None


def _safe_load(text: str) -> object:
    """``safe_load``, after checking the events: aliases (including alias bombs), tags and deep nesting are refused."""
    import yaml

    depth, loader = 0, getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    for count, event in enumerate(yaml.parse(text, Loader=loader)):
        line = event.start_mark.line + 1 if event.start_mark else 0
        if count > YAML_EVENTS:
            raise FileRefused(f"line {line}: has more than {YAML_EVENTS} parts")
        if isinstance(event, yaml.AliasEvent):
            raise FileRefused(f"line {line}: aliases (*name) are not supported; write the value out")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > DEPTH:
            raise FileRefused(f"line {line}: is nested too deeply")
        if (tag := getattr(event, "tag", None)) not in (None, "!"):
            raise FileRefused(f"line {line}: the tag {one_line(tag, 40)} is not supported")
    return yaml.load(text, Loader=loader)  # noqa: S506  a safe loader, the one in C if it is available
