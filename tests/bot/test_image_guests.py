"""How labs run on Xen: bot.ini, else image.json, and never as HVM unasked."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.ops.doctor.test_doctor_image import built
from trainbot.bot.installation import images_of
from trainbot.config import load
from trainbot.model.host import GuestType

PVH, PV, HVM = GuestType.PVH, GuestType.PV, GuestType.HVM
REFUSED = (
    "the mine image's kernel runs on Xen only as HVM, which is refused: docs/images.md says why, and what to set in "
    "[image.mine] to allow it"
)
XEN, HERE = "xen+ssh://root@xen1.example.org/system", "qemu:///embed?root=/v"


@pytest.mark.parametrize(
    ("guests", "section", "host", "found"),
    [
        (None, "", XEN, PVH),
        ((PVH, PV, HVM), "", XEN, PVH),
        ((PV, HVM), "", XEN, PV),
        ((PV, HVM), "guest = pvh\n", XEN, PVH),
        ((HVM,), "", XEN, REFUSED),
        ((HVM,), "hvm_accept_risk = yes\n", XEN, REFUSED),
        ((HVM,), "guest = hvm\nhvm_accept_risk = yes\n", XEN, HVM),
        ((HVM,), "guest = pv\n", XEN, PV),
        ((HVM,), "", HERE, HVM),
    ],
)
def test_image_json_is_the_default_and_hvm_is_refused(tmp_path: Path, guests, section, host, found) -> None:
    """Where a host is Xen; QEMU's own hosts have no choice, and so nothing to refuse."""
    built(tmp_path / "state/images/mine", guests=guests)
    (tmp_path / "bot.ini").write_text(
        f"[irc]\nserver = x\nchannels = #c\n[labs]\npublic_address = a.example.org\n[host.one]\nuri = {host}\n[image.mine]\n{section}"
    )
    usable, unready = images_of(load(tmp_path / "bot.ini"))
    assert unready.get("mine") or usable["mine"].guest == found
    assert not unready or unready["mine"] == found
