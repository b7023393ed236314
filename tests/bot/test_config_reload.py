"""What a running bot takes up of a changed bot.ini."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from tests.stage import Stage
from trainbot.bot.config_reload import taken_up
from trainbot.core.access import Role, Roles
from trainbot.model.config import Secret


def test_roles_and_the_way_in_are_taken_up_the_rest_waits(tmp_path: Path) -> None:
    """What is new is named, without its value; what needs a restart stays as it was and is named, too."""
    old = Stage(tmp_path).config
    new = replace(
        old,
        irc=replace(old.irc, password=Secret("geheim"), channels=("#other",), flood_burst=9),
        roles=Roles({Role.ORGANISER: ()}),
        require_account=False,
        labs=replace(old.labs, lease=timedelta(hours=1)),
        hosts=(),
    )
    config, taken, waiting = taken_up(old, new)
    assert (config.irc.password.reveal(), config.irc.flood_burst, config.roles) == ("geheim", 9, new.roles)
    assert (config.irc.channels, config.labs, config.hosts) == (old.irc.channels, old.labs, old.hosts)
    assert taken == ["[irc] password", "[irc] flood_burst", "[roles]"]
    assert waiting == ["[irc] channels", "[roles] require_account", "[labs]", "[host.NAME]"]
    assert "geheim" not in str((taken, waiting, config))
    assert taken_up(old, old) == (old, [], [])


def test_a_role_that_is_taken_away_is_gone_at_once(tmp_path: Path) -> None:
    """After bot.ini was read again, a presenter who is none any more cannot start a class, and the new one can."""
    stage = Stage(tmp_path)
    stage.bot.reconfigure(replace(stage.config, roles=Roles({Role.PRESENTER: stage.config.roles.rules[Role.HELPER]})))
    assert "presenter" in str(stage.talk("russell", "!start selinux"))
    assert "begins" in str(stage.talk("hannah", "!start selinux") or stage.said)
