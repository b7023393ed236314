"""The gateway's settings."""

from __future__ import annotations

from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from trainbot.adapters.state_folder import CONTROL

if TYPE_CHECKING:  # workers need no bot.ini, and start sooner without what reads it
    from trainbot.config import Config


@dataclass(frozen=True, slots=True)
class GatewayConfig:
    """[gateway].  Times in seconds.

    ``state`` is a folder of mode 0700 with gateway_host_key, pepper (shared with the bot, which makes the digests),
    door_key and known_hosts (for jump hosts), routes.json, gateway.sock, gateway.lock and gateway.pid.  ``control``
    is the bot's socket, ``lab_key`` the private key that labs accept.
    """

    listen: tuple[tuple[str, int], ...]
    state: Path
    control: Path
    lab_key: Path
    tmux: bool = True  # a login with a terminal starts tmux if the lab has it
    silent: float = 30.0  # a connection that has not sent its ssh version is closed after this ...
    login: float = 120.0  # ... and one that has not logged in after this (sshd's own: people look up passwords)
    tries: int = 6  # wrong passwords per connection
    key_tries: int = 20  # keys offered per connection: agents hold many, and a key cannot be guessed
    wrong_delay: float = 1.0  # delay of the answer to a wrong password
    unauthenticated: int = 200  # connections before login, in total
    connections: int = 20  # logged-in connections per person
    sessions: int = 10  # sessions per person, over all connections
    forwards: int = 32  # -L connections per person, over all connections
    boot_wait: float = 240.0  # how long a login waits for a lab that is still booting
    patience: float = 1.0  # ... and after this the learner is told
    banner_wait: float = 3.0  # a lab's port that sends nothing for this long is tried again
    keepalive: float = 15.0  # seconds between keepalives to lab, learner and host; four unanswered: gone
    jump_host_wait: float = 10.0  # time for the login to a jump host, and for its connection to a lab
    jump_host_idle: float = 300.0  # an unused connection to a jump host is closed after this

    def for_workers(self) -> dict[str, Any]:
        """The times and limits, as JSON: a worker gets no path."""
        return {each.name: getattr(self, each.name) for each in fields(self) if each.default is not MISSING}

    @classmethod
    def of_a_worker(cls, told: dict[str, Any]) -> Self:
        """``for_workers``, read."""
        return cls((), Path(), Path(), Path(), **told)


def gateway_config(config: Config) -> GatewayConfig:
    """The settings of bot.ini's gateway.  Imports nothing heavy: a gateway that has failed has to be back soon."""
    state = config.store.state
    return GatewayConfig(
        listen=config.gateway.listen,
        state=state,
        control=state / CONTROL,
        lab_key=config.gateway.lab_key,
        tmux=config.gateway.tmux,
    )
