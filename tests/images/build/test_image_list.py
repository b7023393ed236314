"""``trainbot image list``: what is there, and how it runs on Xen."""

from dataclasses import replace

import pytest
from click.testing import CliRunner

from trainbot.cli import cli
from trainbot.images.build.image_folder import write_image
from trainbot.model.host import GuestType


@pytest.mark.parametrize(
    ("guests", "words", "kept"),
    [
        ((GuestType.PVH, GuestType.PV), ", on Xen as pvh, pv", '"guests": ["pvh", "pv"]'),
        ((), ", not on Xen", '"guests": []'),
        (None, "", '"guests": null'),
    ],
)
def test_how_it_runs_on_xen_is_listed(tmp_path, built, guests, words, kept):
    """Nothing is said of an image whose kernel's configuration is unknown, as of those that older versions built."""
    write_image(replace(built, guests=guests))
    ini = tmp_path / "bot.ini"
    ini.write_text(
        f"[irc]\nchannels = #c\n[roles]\norganiser = account:o\n[image.debian]\nfolder = {tmp_path}/images/debian\n"
    )
    said = CliRunner().invoke(cli, ["image", "list", "-c", str(ini)], standalone_mode=False).output
    assert said == f"debian: bookworm, 384 MiB per lab, 0 MiB on disk, {built.folder.name}{words}\n"
    said = CliRunner().invoke(cli, ["image", "list", "--json", "-c", str(ini)], standalone_mode=False).output
    assert kept in " ".join(said.split()).replace("[ ", "[").replace(" ]", "]")
