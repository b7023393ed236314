"""The folder for what an installation keeps secret (keys, pepper, sockets and pid files), and its keys, made by
ssh-keygen(1)."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from trainbot.core.errors import BackendError
from trainbot.core.files import make_once
from trainbot.core.text import one_line

if TYPE_CHECKING:
    from trainbot.model.config import Config

CONTROL = "control.sock"  # the running bot listens here
PEPPER = "pepper"
HOST_KEY = "gateway_host_key"
JUMP_KEY = "door_key"  # the key that jump hosts accept
COPY_KEY = "copy_key"  # the key with which copies are sent to another machine
KNOWN_HOSTS = "known_hosts"  # OpenSSH's format (sshd(8)); host prepare writes it
ROUTES = "routes.json"
SOCKET = "gateway.sock"


def state_folder(config: Config) -> Path:
    """The folder of keys, pepper, sockets and pid files, with mode 0700.  BackendError if it cannot be created."""
    state = config.store.state
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        state.chmod(0o700)
    except OSError as error:
        raise BackendError(
            f"the folder {state} cannot be made or is not ours ({error.strerror}): name another with state in [store]"
        ) from None
    return state


def lab_key(path: Path) -> str:
    """The public half of the installation's key to its labs, created the first time (ssh-keygen(1))."""
    public = path.with_name(path.name + ".pub")
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".new-", dir=path.parent) as folder:
            new = Path(folder) / "key"
            _ssh_keygen("-q", "-t", "ed25519", "-N", "", "-C", "trainbot", "-f", str(new))
            make_once(path, new.read_bytes())  # somebody else may be making it at the same moment
    if not public.exists():
        make_once(public, _ssh_keygen("-y", "-f", str(path)).encode())
    try:
        return public.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        raise BackendError(f"{public} cannot be read: ssh-keygen -y -f {path} > {public} makes it again") from None


def _ssh_keygen(*words: str) -> str:
    if shutil.which("ssh-keygen") is None:
        raise BackendError("ssh-keygen is not installed: apt-get install openssh-client")
    done = subprocess.run(["ssh-keygen", *words], check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        raise BackendError(f"ssh-keygen cannot make the key: {one_line(done.stderr, 200)}")
    return done.stdout


def jump_key(config: Config) -> str:
    """The public half of the gateway's key to the jump hosts (lab-door), created the first time."""
    return lab_key(state_folder(config) / JUMP_KEY)


def copy_key(config: Config) -> str:
    """The public half of the key with which copies are sent, created the first time."""
    return lab_key(state_folder(config) / COPY_KEY)
