"""``trainbot host take``: takes over a host whose trainbot is gone for good."""

from __future__ import annotations

from collections.abc import Callable

from trainbot.adapters.db import Store
from trainbot.adapters.db.opening import refuse_missing
from trainbot.adapters.hosts.drivers import driver_for
from trainbot.config import Config
from trainbot.core.errors import BackendError, UserError
from trainbot.core.text import one_line
from trainbot.model.database_url import database_exists


def take(config: Config, name: str, sure: Callable[[str], bool], say: Callable[[str], None]) -> int:
    """Exit code 0 if the host is ours, 1 if ``sure`` answered no."""
    host = next((host for host in config.hosts if host.name == name), None)
    if host is None:
        there = ", ".join(host.name for host in config.hosts) or "none"
        raise UserError(f"bot.ini has no [host.{name}] (available: {there})")
    driver = driver_for(host, _owner(config))
    if not driver.shared:
        say(f"{name} always belongs to this trainbot: nothing to take over")
        return 0
    try:
        others = ", ".join(one_line(other, 64, "") for other in driver.claims())
        if others and not sure(
            f"{name} belongs to another trainbot (id {others}). If that one still runs, it will lose the host; its labs "
            "there are not touched. Take it over?"
        ):
            return 1
        driver.take()
    finally:
        driver.close()
    say(
        f"{name} now belongs to this trainbot (before: {others}); virsh list --all shows what the other one left there"
        if others
        else f"{name} already belongs to this trainbot"
    )
    return 0


def _owner(config: Config) -> str:
    """Our id on hosts, which the bot creates at its first start."""
    refuse_missing(config.store.url, config.store.state)
    if not database_exists(config.store.url):
        raise BackendError("this trainbot has never run, so it has no id yet: trainbot run creates it")
    store = Store(config.store.url, read_only=True)
    try:
        with store.transaction():
            owner = store.settings.get("owner")
    finally:
        store.close()
    if not owner:
        raise BackendError("this trainbot has never run, so it has no id yet: trainbot run creates it")
    return str(owner)
