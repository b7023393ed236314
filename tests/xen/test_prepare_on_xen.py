"""trainbot host prepare on a dom0 that has only Debian's Xen packages, over ssh, as an organiser runs it."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tiny_image import GREETING_PORT
from watched import OWNER
from xen_host import XenHost, until

from trainbot.adapters.hosts.libvirt_driver import LibvirtDriver
from trainbot.config import load
from trainbot.images.build.image_folder import BuiltImage
from trainbot.model.host import LabSpec
from trainbot.model.image_files import files
from trainbot.model.slots import address

pytestmark = pytest.mark.xenlong
DOM0, PROXY = "10.77.0.1", 3142
_PREPARING = 3600  # seconds at most; about 200 on an idle core
# All that a host could be changed by: packages, accounts, interfaces, filters, and where we put files.
_STATE = (
    "dpkg-query -W | sha256sum; cat /etc/passwd /etc/group; ip -o link | cut -d' ' -f2;"
    " find /etc /usr/local /var/lib/libvirt /var/lib/trainbot* -newer /proc/1 2>/dev/null | sort"
)


class Organiser:
    """Somebody with a bot.ini in ``folder`` and ssh as root to ``host``."""

    def __init__(self, folder: Path, host: XenHost, image: BuiltImage, key: Path) -> None:
        self.folder, self.host, self.image, self.key = folder, host, image, key
        self.write(labs=2)

    def write(self, labs: int) -> None:
        (self.folder / "bot.ini").write_text(
            f"[irc]\nchannels = #a\n[host.rack]\nuri = {self.host.ssh_uri}\nlabs = {labs}\nallow = {DOM0}:{PROXY}\n"
            f"deadline = 600\n[image.{self.image.name}]\nfolder = {self.image.folder}\n"
        )
        self.rack = load(self.folder / "bot.ini").hosts[0]

    def prepare(self, *options: str) -> subprocess.CompletedProcess[str]:
        with self.host.right_clock():
            return subprocess.run(
                [sys.executable, "-m", "trainbot", "host", "prepare", "rack", *options],
                cwd=self.folder,
                env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
                capture_output=True,
                text=True,
                stdin=subprocess.DEVNULL,
                timeout=_PREPARING,
                check=False,
            )

    def prepared(self, *options: str) -> list[str]:
        """The lines of what is to be done or was; exit code 0."""
        done = self.prepare(*options)
        assert done.returncode == 0, done.stdout + done.stderr
        return [line for line in done.stdout.splitlines() if line.startswith("+ ")]

    def jump_host(self, asked: str) -> subprocess.CompletedProcess[str]:
        """What the gateway would get from the jump host."""
        return subprocess.run(
            [*self._door(), asked], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=False
        )

    def console(self, slot: int, typed: str, awaited: str) -> bool:
        """Whether the lab's console answers what is typed; then we hang up, and it ends."""
        with subprocess.Popen(
            [*self._door(), f"console {self.lab(slot).id}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            errors="replace",
        ) as process:
            assert process.stdin and process.stdout
            process.stdin.write(typed)
            process.stdin.flush()
            found = any(awaited in line for line in process.stdout)
            process.stdin.close()
            return found and process.wait(300) == 0

    def in_lab(self, slot: int, command: str) -> str:
        """What ``command`` says in a lab, reached as the gateway reaches it; AssertionError when it failed."""
        there = str(address(self.rack.subnet, slot))
        known = self.folder / "known_labs"
        known.write_text(f"{there} {self.image.host_key}\n")
        through = shlex.join([*self._door(), f"ssh {there}"])
        done = subprocess.run(
            [
                "ssh",
                "-F",
                "none",
                "-o",
                f"ProxyCommand={through}",
                "-o",
                f"UserKnownHostsFile={known}",
                "-o",
                "BatchMode=yes",
                "-o",
                "IdentitiesOnly=yes",
                "-i",
                str(self.key),
                f"root@{there}",
                command,
            ],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def _door(self) -> list[str]:
        state = self.folder / "state"
        return [
            "ssh",
            "-F",
            "none",
            "-T",
            "-p",
            str(self.host.ssh_port),
            "-i",
            str(state / "door_key"),
            "-o",
            f"UserKnownHostsFile={state / 'known_hosts'}",
            "-o",
            "BatchMode=yes",
            "-o",
            "IdentitiesOnly=yes",
            "trainbot-door@127.0.0.1",
        ]

    def lab(self, slot: int) -> LabSpec:
        there = files(self.rack.images, self.image.folder.name)  # type: ignore[arg-type]
        return LabSpec(
            id=f"7d444840-9dc0-11d1-b245-{slot:012x}",
            name=f"tb-tiny-{slot}",
            image="tiny",
            disk=there.disk,
            kernel=there.kernel,
            initrd=there.initrd,
            cmdline=self.image.cmdline,
            memory_mib=self.image.memory_mib,
            owner=OWNER,
            slot=slot,
        )

    @contextmanager
    def driver(self) -> Iterator[LibvirtDriver]:
        driver = LibvirtDriver(self.rack, OWNER)
        driver.open()
        try:
            yield driver
        finally:
            driver.close()


@pytest.fixture
def organiser(tmp_path: Path, plain: XenHost, tiny_image: BuiltImage, lab_image) -> Organiser:
    return Organiser(tmp_path, plain, tiny_image, lab_image.key)


def _ready(organiser: Organiser, slot: int) -> None:
    until(lambda: _quiet(lambda: organiser.in_lab(slot, "true") == ""), f"ssh in slot {slot}, through the jump host")


def _quiet(answer: Callable[[], bool]) -> bool:
    try:
        return answer()
    except AssertionError as error:
        print(str(error)[:300])  # pytest shows it where a test failed
        return False


def test_a_plain_host_becomes_one_of_ours(organiser: Organiser, plain: XenHost) -> None:
    """--dry-run changes nothing; the first run does all, the second nothing, nor does one after a loss of power; labs
    get their slots' addresses, are reached through the jump host, and reach neither dom0 nor each other, but for what is
    allowed."""
    before = plain.ssh(_STATE)
    assert any(line.startswith("+ packages: 9 missing; would install") for line in organiser.prepared("--dry-run"))
    assert plain.ssh(_STATE) == before and not (organiser.folder / "state").exists()

    done = organiser.prepared()
    assert [line.split(":")[0] for line in done[:5]] == [
        "+ packages",
        "+ storage",
        "+ packet filters",
        "+ network",
        "+ scheduling",
    ]
    assert organiser.prepared() == []
    assert plain.ssh("xl sched-credit2 -d Domain-0 | tail -n 1").split()[2] == "2048"

    with organiser.driver() as driver:
        for slot in (1, 2):
            driver.make(organiser.lab(slot))
        _ready(organiser, 1)
        _ready(organiser, 2)
        assert "10.77.0.2/22" in organiser.in_lab(1, "ip addr show eth0")
        assert {domain.endpoint for domain in driver.report().domains} == {("10.77.0.2", 22), ("10.77.0.3", 22)}
        _walls(organiser, plain)
        _doors(organiser)
        _one_more(organiser, driver)

    organiser.write(labs=3)
    plain.ssh("sync")
    plain.kill()  # its power is gone, with labs on it
    plain.boot()
    plain.wait()
    assert organiser.prepared() == []  # filters, network, weight: all of it is there again by itself


def _walls(organiser: Organiser, plain: XenHost) -> None:
    """Both labs answer dom0; the first one hears nobody but what is allowed."""
    for there in ("10.77.0.2", "10.77.0.3"):
        assert plain.greeting(there, GREETING_PORT).startswith("tiny ")
    plain.ssh(f"echo hello >/tmp/hello; nohup nc -l {DOM0} {PROXY} </tmp/hello >/dev/null 2>&1 &")
    until(lambda: plain.ssh(f"ss -Hltn 'sport = :{PROXY}'"), "a proxy on dom0")
    assert organiser.in_lab(1, f"nc -w 20 {DOM0} {PROXY} </dev/null") == "hello\n"
    for there, port in ((DOM0, 22), ("10.77.0.3", GREETING_PORT), ("10.77.0.3", 22), ("10.0.2.15", 22)):
        assert organiser.in_lab(1, f"nc -w 5 {there} {port} </dev/null || true") == "", there
    organiser.in_lab(
        1, "ip addr add 10.77.0.3/22 dev eth0; arping -c 2 -U -I eth0 10.77.0.3; ip addr del 10.77.0.3/22 dev eth0"
    )
    assert "lladdr 00:16:3e:74:00:02" in plain.ssh("ip neigh show 10.77.0.3 dev tb-labs")
    assert "dev tb2" in plain.ssh("bridge fdb show br tb-labs | grep 00:16:3e:74:00:02")


def _doors(organiser: Organiser) -> None:
    """The console of a lab opens, and nothing else does."""
    for _ in range(2):  # hanging up lets go of it, too
        assert organiser.console(1, "echo it is $((40 + 2))\n", "it is 42")
    for asked in (
        "",
        "id",
        f"ssh {DOM0}",
        "ssh 10.77.0.4",
        "console Domain-0",
        "console 00000000-0000-0000-0000-000000000000",
    ):
        refused = organiser.jump_host(asked)
        assert (refused.returncode, refused.stdout) == (2, ""), asked


def _one_more(organiser: Organiser, driver: LibvirtDriver) -> None:
    """A third slot is added while two labs run, which do not notice; fewer slots are refused."""
    organiser.write(labs=3)
    assert any("changed its addresses to 3" in line for line in organiser.prepared())
    assert organiser.prepared() == []
    driver.make(organiser.lab(3))
    _ready(organiser, 3)
    assert "up" in organiser.in_lab(1, "uptime")
    organiser.write(labs=2)
    refused = organiser.prepare()
    assert refused.returncode == 1 and "labs in slots above labs = 2 are running on rack (tb3)" in refused.stderr


def test_a_foreign_bridge_is_left_alone(organiser: Organiser, plain: XenHost) -> None:
    """Where somebody else has a bridge of that name, the host is refused before anything was changed."""
    plain.ssh("ip link add tb-labs type bridge")
    before = plain.ssh(_STATE)
    refused = organiser.prepare()
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == (
        "trainbot: rack already has a bridge tb-labs, which trainbot did not create: rename or remove it there\n"
    )
    assert plain.ssh(_STATE) == before
