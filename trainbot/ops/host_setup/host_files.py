"""The files that trainbot puts on a host: path, mode and content.  Pure, except that it reads files/."""

from __future__ import annotations

import base64
import hashlib
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from trainbot.ops.host_setup.filters import ruleset
from trainbot.ops.host_setup.state import BRIDGE, GROUPS, WEIGHT, DesiredState, HostFacts, InstalledFile

LIB = "/usr/local/lib/trainbot"
JUMP_HOME = "/var/lib/trainbot-door"
RULES = "/etc/trainbot/labs.nft"
KEYS = f"{JUMP_HOME}/.ssh/authorized_keys"
BRIDGE_RULE = "/etc/udev/rules.d/60-trainbot.rules"  # udev(7)
FILTERS_UNIT, WEIGHT_UNIT = "trainbot-filters.service", "trainbot-weight.service"
UNITS = (FILTERS_UNIT, WEIGHT_UNIT)
_SHIPPED = Path(__file__).parent / "files"
_SUDO = f"Defaults:trainbot-door !use_pty, !requiretty\ntrainbot-door ALL=(root) NOPASSWD: {LIB}/lab-console\n"
_RULE = (
    "# Written by trainbot host prepare: frames to reserved groups pass the packet filters too.\n"
    f'ACTION=="add", SUBSYSTEM=="net", KERNEL=="{BRIDGE}", ATTR{{bridge/group_fwd_mask}}="{GROUPS}"\n'
)


@dataclass(frozen=True, slots=True)
class HostFile:
    """A file owned by root; ``mode`` in octal."""

    path: str
    mode: str
    text: str

    def there(self, facts: HostFacts) -> bool:
        desired = InstalledFile(hashlib.sha256(self.text.encode()).hexdigest(), f"{self.mode} root:root")
        return facts.files.get(self.path) == desired


def filter_files(desired: DesiredState) -> list[HostFile]:
    host = desired.host
    return [
        HostFile(RULES, "644", ruleset(host.subnet, host.labs, host.allow)),
        _program("load-filters"),
        HostFile(f"/etc/systemd/system/{FILTERS_UNIT}", "644", _text(FILTERS_UNIT)),
        HostFile(BRIDGE_RULE, "644", _RULE),
    ]


def weight_files() -> list[HostFile]:
    unit = _text(WEIGHT_UNIT, WEIGHT=str(WEIGHT))
    return [_program("favour-dom0"), HostFile(f"/etc/systemd/system/{WEIGHT_UNIT}", "644", unit)]


def jump_host_files(desired: DesiredState) -> list[HostFile]:
    known = [f"folder {desired.host.folder}", *(f"lab {address}" for address in desired.addresses.values())]
    entry = f'restrict,command="{LIB}/lab-door" {desired.jump_key}\n'
    return [
        HostFile("/etc/trainbot/door", "644", "\n".join(known) + "\n"),
        _program("lab-door"),
        _program("relay"),
        _program("lab-console", URI=desired.hypervisor.uri),
        HostFile("/etc/sudoers.d/trainbot-door", "440", _SUDO),
        HostFile(KEYS, "644", entry),
    ]


def placing(files: Iterable[HostFile]) -> str:
    """Shell text that writes them, each atomically."""
    return "".join(f"place {shlex.quote(file.path)} {file.mode} <<'END'\n{_wrapped(file.text)}END\n" for file in files)


#: Goes before ``placing``: writes a file of root's from base64 on standard input.
PLACE = """\
place() {
    mkdir -p "${1%/*}"
    base64 -d >"$1.new"
    chown root:root "$1.new"
    chmod "$2" "$1.new"
    case $1 in /etc/sudoers.d/*) visudo -qcf "$1.new" || { rm -f "$1.new"; return 1; } ;; esac
    mv -f "$1.new" "$1"
}
"""


def _wrapped(text: str) -> str:
    return base64.encodebytes(text.encode()).decode()


def _program(name: str, **values: str) -> HostFile:
    return HostFile(f"{LIB}/{name}", "755", _text(name, **values))


def _text(name: str, **values: str) -> str:
    text = (_SHIPPED / name).read_text(encoding="utf-8")
    for key, value in values.items():
        text = text.replace(f"@{key}@", value)
    return text


FILES = (
    RULES,
    BRIDGE_RULE,
    f"{LIB}/load-filters",
    f"/etc/systemd/system/{FILTERS_UNIT}",
    f"{LIB}/favour-dom0",
    f"/etc/systemd/system/{WEIGHT_UNIT}",
    "/etc/trainbot/door",
    f"{LIB}/lab-door",
    f"{LIB}/relay",
    f"{LIB}/lab-console",
    "/etc/sudoers.d/trainbot-door",
    KEYS,
)
