"""lab-door: the one program that the gateway's key runs on a host.  Run by the shell that runs it there."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import threading
import tty
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainbot.ops import host_setup as preparing

SHIPPED = Path(preparing.__file__).parent / "files"
LAB = "7d444840-9dc0-11d1-b245-5ffdce74fad2"
REFUSED = 2
Host = Callable[["Door", str, str, str], list[str | Path]]


@dataclass(frozen=True)
class Door:
    """``folder`` holds what is on the host; programs that were reached wrote their arguments into ``reached``."""

    folder: Path

    def ask(self, words: str | bytes, **environment: str) -> subprocess.CompletedProcess[bytes]:
        self.reached.unlink(missing_ok=True)
        asked = words.encode(errors="surrogateescape") if isinstance(words, str) else words
        return subprocess.run(
            ["/bin/sh", self.folder / "lab-door"],
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=60,
            check=False,
            env={
                b"SSH_ORIGINAL_COMMAND": asked,
                **{key.encode(): value.encode() for key, value in environment.items()},
            },
        )

    @property
    def reached(self) -> Path:
        return self.folder / "reached"

    def put(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)
        (self.folder / name).chmod(0o755)


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Door:
    """As shipped, but for where it lies; what it would run writes down that it was run."""
    made = Door(tmp_path_factory.mktemp("door"))
    told = f'#!/bin/sh\nprintf "%s\\n" "${{0##*/}}" "$@" > {made.reached}\n'
    for name in ("relay", "sudo", "virsh", "xenstore-read"):
        made.put(name, told)
    for name in ("lab-door", "lab-console"):
        text = (SHIPPED / name).read_text().replace("/usr/local/lib/trainbot", str(made.folder))
        text = text.replace("/etc/trainbot/door", str(made.folder / "known"))
        text = text.replace("PATH=/usr/sbin", f"PATH={made.folder}:/usr/sbin")
        made.put(name, text.replace("@URI@", "xen:///system"))
        made.put(f"{name}-kvm", text.replace("@URI@", "qemu:///system"))
    (made.folder / "known").write_text(f"folder {made.folder}\nlab 10.77.0.2\nlab 10.77.0.3\n")
    return made


def test_a_lab_is_reached_by_its_address(door: Door) -> None:
    """The address of a seat is handed to what connects to its port 22."""
    assert door.ask("ssh 10.77.0.3").returncode == 0
    assert door.reached.read_text() == "relay\n10.77.0.3\n"


def test_a_console_is_asked_for_by_a_labs_id(door: Door) -> None:
    """The one program that root runs for the door gets the UUID, and nothing else."""
    assert door.ask(f"console {LAB}").returncode == 0
    assert door.reached.read_text() == f"sudo\n-n\n{door.folder}/lab-console\n{LAB}\n"


def test_status_is_one_line_of_json(door: Door) -> None:
    """time, cores, cpu and disk_free_mib, as the bot reads them."""
    done = door.ask("status")
    assert (done.returncode, done.stderr, done.stdout.count(b"\n")) == (0, b"", 1)
    said = json.loads(done.stdout)
    assert set(said) == {"time", "cores", "cpu", "disk_free_mib"}
    assert said["cores"] == os.cpu_count() and len(said["cpu"]) == 8 and all(type(n) is int for n in said["cpu"])
    assert isinstance(said["time"], float) and said["disk_free_mib"] > 0


def test_status_of_a_host_without_its_folder(door: Door) -> None:
    """What is not known is null; the line is there all the same."""
    known = door.folder / "known"
    before = known.read_text()
    known.write_text("folder /nowhere/at all\n")
    try:
        assert json.loads(door.ask("status").stdout)["disk_free_mib"] is None
    finally:
        known.write_text(before)


@pytest.mark.parametrize(
    "words",
    [
        "",
        "ssh",
        "ssh ",
        "ssh 10.77.0.1",
        "ssh 10.77.0.4",
        "ssh  10.77.0.2",
        "ssh 10.77.0.2 ",
        "ssh 10.77.0.2\n",
        "ssh 10.77.0.2 22",
        "ssh -x",
        "ssh 10.77.0.2;id",
        "ssh $(id)",
        "ssh `id`",
        "ssh 10.77.0.*",
        "ssh 10.77.0.[23]",
        "ssh 10a77b0c2",
        "ssh 10.77.0.2|id",
        "ssh 010.77.0.2",
        "ssh 0xa4d0002",
        "ssh 172818434",
        "ssh ::1",
        "ssh lab 10.77.0.2",
        "ssh 10.77.0.2\nssh 10.77.0.9",
        "SSH 10.77.0.2",
        " ssh 10.77.0.2",
        "ssh\t10.77.0.2",
        "ssh ^",
        "ssh .",
        "ssh 1.1",
        "console",
        "console ",
        f"console {LAB.upper()}",
        f"console {LAB} ",
        f"console {LAB}\n",
        f"console -{LAB[1:]}",
        "console Domain-0",
        "console 0",
        f"console {LAB[:-1]}",
        f"console {LAB}0",
        "console " + "-" * 36,
        f"console --help{LAB[6:]}",
        "status ",
        "status;id",
        "status\nid",
        "Status",
        "sh",
        "/bin/sh",
        "internal-sftp",
        "scp -t .",
        "*",
        "~",
        "-c id",
        "\x01",
        "ssh 10.77.0.2\r",
        "\udcff",
        "ssh \udcff\udcfe",
    ],
)
def test_all_else_is_refused(door: Door, words: str) -> None:
    """Exit code 2, a sentence without a word of what was asked, and nothing was run."""
    done = door.ask(words)
    assert (done.returncode, done.stdout, door.reached.exists()) == (REFUSED, b"", False)
    assert done.stderr.startswith(b"lab-door: ") and done.stderr.count(b"\n") == 1


ODD = st.text(st.sampled_from("ssh console 10.77.2-ab/*?[]~$`\\\"';|&<>(){}!#\n\t\r=%\x01\x7fé"), max_size=60)
NEAR = st.builds(
    "".join,
    st.lists(
        st.sampled_from(
            [
                "ssh ",
                "console ",
                "status",
                "10.77.0.2",
                LAB,
                " ",
                "\n",
                ";",
                "*",
                "-",
                "$(touch hit)",
                "`touch hit`",
                "10.77.0.",
            ]
        ),
        max_size=5,
    ),
)


@settings(max_examples=150, deadline=None)
@given(words=ODD | NEAR | st.binary(max_size=80).map(lambda raw: raw.replace(b"\0", b"")))
def test_whatever_is_asked_does_one_of_three_things_or_nothing(door: Door, words: str | bytes) -> None:
    """No input runs anything but what these very words stand for."""
    done = door.ask(words)
    asked = words if isinstance(words, bytes) else words.encode()
    known = {
        b"ssh 10.77.0.2": "relay\n10.77.0.2\n",
        b"ssh 10.77.0.3": "relay\n10.77.0.3\n",
        b"status": None,
        f"console {LAB}".encode(): f"sudo\n-n\n{door.folder}/lab-console\n{LAB}\n",
    }
    if asked in known:
        assert done.returncode == 0
        assert (door.reached.read_text() if door.reached.exists() else None) == known[asked]
    else:
        assert (done.returncode, done.stdout, door.reached.exists()) == (REFUSED, b"", False)
    assert not (door.folder / "hit").exists()


def test_what_a_client_says_about_its_language_changes_nothing(door: Door) -> None:
    """sshd lets LC_* through: letters that sort between digits elsewhere are no digits here."""
    for language in ("en_US.UTF-8", "tr_TR.UTF-8", "../../tmp"):
        assert door.ask("ssh ١٠.77.0.2", LC_ALL=language, LANG=language).returncode == REFUSED
        assert door.ask("ssh 10.77.0.2", LC_ALL=language, IFS=".", PATH="/nowhere", ENV="/nowhere").returncode == 0


def xen(door: Door, metadata: str, number: str, console: str) -> list[str | Path]:
    """A host with one domain; the command that opens its console."""
    door.put("virsh", f'#!/bin/sh\ncase "$*" in *metadata*) echo "{metadata}" ;; *domid*) echo "{number}" ;; esac\n')
    door.put("xenstore-read", f'#!/bin/sh\n[ "$1" = /local/domain/{number}/console/tty ] && {console}\n')
    return ["/bin/sh", door.folder / "lab-console", LAB]


def kvm(door: Door, metadata: str, number: str, console: str) -> list[str | Path]:
    """The same where QEMU runs it: its libvirt knows the terminal."""
    door.put(
        "virsh",
        f"""#!/bin/sh
case "$*" in
"-q -c qemu:///system metadata "*) echo "{metadata}" ;;
"-q -c qemu:///system domid "*) echo "{number}" ;;
"-q -c qemu:///system ttyconsole --domain {LAB}") {console} ;;
esac
""",
    )
    door.put("xenstore-read", "#!/bin/sh\nexit 1\n")
    return ["/bin/sh", door.folder / "lab-console-kvm", LAB]


BOTH = pytest.mark.parametrize("host", [xen, kvm])
MARK = "<lab owner='x'/>"


@BOTH
@pytest.mark.parametrize(
    ("metadata", "number", "console", "words"),
    [
        ("", "7", "echo /dev/pts/1", b"no such lab"),
        ("<labs/>", "7", "echo /dev/pts/1", b"no such lab"),
        (MARK, "-", "echo /dev/pts/1", b"off"),
        (MARK, "0", "echo /dev/pts/1", b"off"),
        (MARK, "", "true", b"off"),
        (MARK, "7", "false", b"no console"),
        (MARK, "7", "echo /etc/shadow", b"no console"),
        (MARK, "7", "echo /dev/pts/../../etc/shadow", b"no console"),
        (MARK, "7", "echo", b"no console"),
    ],
)
def test_only_labs_consoles_are_opened(
    door: Door, host: Host, metadata: str, number: str, console: str, words: bytes
) -> None:
    """A domain without trainbot's mark is not opened, dom0 never, nothing that is no terminal either; one that is off
    gets a sentence."""
    done = subprocess.run(host(door, metadata, number, console), capture_output=True, timeout=60, check=False)
    assert done.returncode == REFUSED and words in done.stderr


@pytest.fixture
def terminal() -> Iterator[tuple[int, str]]:
    """What xenconsoled or QEMU has for a lab: (its end, the name of the other), without echo."""
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    yield ours, os.ttyname(theirs)
    for end in (ours, theirs):
        with suppress(OSError):
            os.close(end)


@BOTH
@pytest.mark.parametrize("mark", [MARK, "<trainbot:lab owner='x'/>"])
def test_a_console_goes_both_ways_until_the_caller_hangs_up(
    door: Door, host: Host, terminal: tuple[int, str], mark: str
) -> None:
    """What is typed reaches the lab and what it says comes back, each byte as it is; hanging up ends it though the lab
    is silent."""
    lab, name = terminal
    with subprocess.Popen(
        host(door, mark, "7", f"echo {name}"), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin and process.stdout
        process.stdin.write(b"\x1d\x03\xff\r")
        process.stdin.flush()
        assert os.read(lab, 100) == b"\x1d\x03\xff\r"
        os.write(lab, b"\x1b[6n\x00\r\n")
        assert process.stdout.read(7) == b"\x1b[6n\x00\r\n"
        process.stdin.close()
        assert process.stdout.read() == b"" and process.wait(60) == 0


@BOTH
def test_a_console_ends_with_its_lab(door: Door, host: Host) -> None:
    """A lab that goes off ends it, though the caller has not hung up."""
    lab, theirs = os.openpty()
    tty.setraw(theirs)
    name = os.ttyname(theirs)
    with subprocess.Popen(
        host(door, MARK, "7", f"echo {name}"), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin and process.stdout
        os.write(lab, b"bye")
        assert process.stdout.read(3) == b"bye"
        os.close(theirs)
        os.close(lab)  # as xenconsoled does
        assert process.stdout.read() == b"" and process.wait(60) == 0


@BOTH
def test_a_place_that_is_another_by_now_is_not_used(door: Door, host: Host, terminal: tuple[int, str]) -> None:
    """The lab has gone off while its console was being opened, and somebody else may have its terminal."""
    count = door.folder / "asked"
    count.unlink(missing_ok=True)
    command = host(door, MARK, "7", f"[ ! -e {count} ] && : >{count} && echo {terminal[1]}")
    done = subprocess.run(command, input=b"typed", capture_output=True, timeout=60, check=False)
    assert done.returncode == REFUSED and b"off" in done.stderr
    os.set_blocking(terminal[0], False)
    with pytest.raises(BlockingIOError):
        os.read(terminal[0], 10)


@pytest.mark.parametrize("arguments", [[], [LAB, "x"], ["Domain-0"], ["0"], ["-" * 36], [LAB + "\n"], ["*"]])
def test_lab_console_trusts_the_door_with_nothing(door: Door, arguments: list[str]) -> None:
    """It runs as root: what is not a UUID is refused here once more."""
    done = subprocess.run(
        ["/bin/sh", door.folder / "lab-console", *arguments], capture_output=True, timeout=60, check=False
    )
    assert done.returncode == REFUSED


# -- the bytes themselves ------------------------------------------------------------------------------------------


@dataclass
class Carried:
    """relay at work: our end of its standard input and output, and the lab's end."""

    process: subprocess.Popen[bytes]
    lab: socket.socket


@pytest.fixture
def carried(tmp_path: Path):
    """A relay to a server of ours instead of a lab's port 22."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        relay = tmp_path / "relay"
        relay.write_text((SHIPPED / "relay").read_text().replace("$port = 22;", f"$port = {server.getsockname()[1]};"))
        process = subprocess.Popen(["perl", relay, "127.0.0.1"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        server.settimeout(60)
        lab, _ = server.accept()
    lab.settimeout(60)
    with lab:
        yield Carried(process, lab)
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        pipe.close()  # type: ignore[union-attr]


def test_bytes_go_both_ways_unchanged(carried: Carried) -> None:
    """Every byte there is, in both directions at once, more than fits any buffer."""
    data = bytes(range(256)) * 20_000
    came: list[bytes] = []
    reader = threading.Thread(target=lambda: came.append(carried.process.stdout.read(len(data))))
    reader.start()
    sender = threading.Thread(target=carried.lab.sendall, args=(data,))
    sender.start()
    writer = threading.Thread(target=lambda: (carried.process.stdin.write(data), carried.process.stdin.close()))
    writer.start()
    got = b"".join(iter(lambda: carried.lab.recv(1 << 16), b""))  # until the end of standard input has come through
    for thread in (reader, sender, writer):
        thread.join(60)
    assert got == data and came == [data]


def test_the_labs_end_ends_it(carried: Carried) -> None:
    """When the lab closes, whoever reads sees the end at once, though nobody writes; then the rest ends as well."""
    carried.lab.sendall(b"bye")
    carried.lab.close()
    assert carried.process.stdout and carried.process.stdout.read() == b"bye"
    carried.process.stdin.close()  # type: ignore[union-attr]
    assert carried.process.wait(60) == 0


def test_our_end_does_not_cut_the_answer(carried: Carried) -> None:
    """After the end of standard input the lab can still say what it has to say."""
    carried.process.stdin.close()  # type: ignore[union-attr]
    assert carried.lab.recv(10) == b""
    carried.lab.sendall(b"late")
    carried.lab.close()
    assert carried.process.stdout and carried.process.stdout.read() == b"late"
    assert carried.process.wait(60) == 0


def test_a_lab_that_is_not_there(tmp_path: Path) -> None:
    """One sentence on stderr, and not exit code 0."""
    done = subprocess.run(
        ["perl", SHIPPED / "relay", "127.254.254.254"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode not in (0, REFUSED) and b"does not answer" in done.stderr
