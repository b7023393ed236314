import pytest

from trainbot.images.build import accel
from trainbot.images.build.accel import boots, working_accelerator


@pytest.fixture
def kvm(tmp_path, monkeypatch):
    """A /dev/kvm that is there, whether it works or not."""
    (tmp_path / "kvm").touch()
    monkeypatch.setattr(accel, "_KVM", tmp_path / "kvm")
    (tmp_path / "boot_id").write_text("this-boot\n")
    monkeypatch.setattr(accel, "_BOOT_ID", tmp_path / "boot_id")


@pytest.fixture
def tries(monkeypatch) -> list[list[str]]:
    """The machines that were tried; all of them boot."""
    tried: list[list[str]] = []
    monkeypatch.setattr(accel, "boots", lambda command: not tried.append(command))
    return tried


@pytest.mark.parametrize(
    ("script", "verdict"),
    [
        ("printf 'Linux version 6.1\\nLoading, pl'; printf 'ease wait...\\n'; exec tail -f /dev/null", True),
        ("echo 'Linux version 6.1'", False),
        ("exit 1", False),
        ("exec tail -f /dev/null", False),
    ],
)
def test_only_a_kernel_that_ran_a_process_has_booted(script, verdict):
    """A machine that dies, says too little, or hangs past its time has not booted."""
    assert boots(["sh", "-c", script], seconds=5 if verdict else 0.2) is verdict


def test_no_qemu_is_no_kvm():
    """A program that is not installed boots nothing."""
    assert not boots(["no-such-program-here"])


def test_without_the_device_there_is_no_try(tmp_path, built, tries, monkeypatch):
    """No /dev/kvm, or none for this user, is tcg."""
    monkeypatch.setattr(accel, "_KVM", tmp_path / "no-such-device")
    assert (working_accelerator(tmp_path), tries) == ("tcg", [])


def test_without_an_image_nothing_can_be_tried(tmp_path, kvm, tries):
    """Before the first build the answer is the one that always works."""
    assert (working_accelerator(tmp_path), tries) == ("tcg", [])


def test_the_verdict_holds_until_the_machine_is_rebooted(tmp_path, built, kvm, tries):
    """One try a boot of the machine: it costs seconds."""
    assert [working_accelerator(tmp_path), working_accelerator(tmp_path)] == ["kvm", "kvm"]
    assert len(tries) == 1
    (tmp_path / "boot_id").write_text("next-boot\n")
    working_accelerator(tmp_path)
    assert len(tries) == 2


def test_a_damaged_memory_is_no_verdict(tmp_path, built, kvm, tries):
    """What cannot be read is tried again."""
    (tmp_path / "images/accelerator.json").write_text('{"this-boot 0 0": "xen"')
    assert working_accelerator(tmp_path) == "kvm"
