from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainbot.adapters.hosts.domain_xml import (
    HostKind,
    OurDomain,
    Qemu,
    domain_from_xml,
    domain_xml,
    mac_address,
    qemu_of,
)
from trainbot.core.errors import BackendError
from trainbot.model.host import GuestType, HostConfig, LabSpec
from trainbot.model.host_address import console_socket, prepare_root

SPEC = LabSpec(
    id="6ba7b810-9dad-41d1-80b4-00c04fd430c8",
    name="lab-debian-1",
    image="debian",
    disk=Path("/srv/images/debian/disk.img"),
    kernel=Path("/srv/images/debian/vmlinuz"),
    initrd=Path("/srv/images/debian/initrd"),
    cmdline="root=LABEL=debian rw quiet",
    memory_mib=384,
    port=2301,
    owner="3f1c0a52-installation",
)
GOLDEN = Path(__file__).with_name("golden")
HOST = HostConfig(name="h", uri="-", network="labs")
OVERLAY = Path("/srv/labs/6ba7b810-9dad-41d1-80b4-00c04fd430c8.qcow2")

CASES = {
    "qemu-embed": (SPEC, HostKind.QEMU, HOST, OVERLAY),
    "qemu-embed-kvm": (replace(SPEC, vcpus=2), HostKind.QEMU, replace(HOST, kvm=True), OVERLAY),
    "test": (replace(SPEC, port=0), HostKind.TEST, HOST, None),
    "xen-pvh": (replace(SPEC, port=0), HostKind.XEN, HOST, OVERLAY),
    "xen-pv": (replace(SPEC, port=0, guest=GuestType.PV), HostKind.XEN, HOST, OVERLAY),
    "xen-seat": (replace(SPEC, port=0, slot=258, cpu_percent=50), HostKind.XEN, replace(HOST, bandwidth=512), OVERLAY),
    "xen-hvm": (replace(SPEC, port=0, slot=7, guest=GuestType.HVM), HostKind.XEN, HOST, OVERLAY),
    "kvm": (replace(SPEC, port=0, slot=258), HostKind.KVM, replace(HOST, bandwidth=512, kvm=True), OVERLAY),
    "kvm-emulated": (replace(SPEC, port=0, slot=1, vcpus=2), HostKind.KVM, replace(HOST, disk_rate=0), OVERLAY),
    "awkward": (
        replace(SPEC, name="<&'\">", image="]]>", cmdline='a="b" <c> & d', disk=Path("/a b")),
        HostKind.QEMU,
        HOST,
        Path("/srv/a,b & <c>/é.qcow2"),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_golden(name):
    """What each kind of host is told is exactly what somebody once read and found good (tests/adapters/hosts/golden)."""
    assert domain_xml(*CASES[name]) == (GOLDEN / f"{name}.xml").read_text()


@pytest.mark.parametrize("cmdline", ["root=x", "root=x no_timer_check"])
@pytest.mark.parametrize(
    ("kind", "kvm", "times"),
    [
        (HostKind.QEMU, False, 1),
        (HostKind.QEMU, True, 0),
        (HostKind.KVM, False, 1),
        (HostKind.KVM, True, 0),
        (HostKind.XEN, False, 0),
    ],
)
def test_a_late_timer_is_no_panic_where_it_is_emulated(cmdline, kind, kvm, times):
    """Added there, and nowhere else; once, although clouds' images have it as well."""
    xml = domain_xml(replace(SPEC, cmdline=cmdline), kind, replace(HOST, kvm=kvm), OVERLAY)
    assert xml.count("no_timer_check") == max(times, cmdline.count("no_timer_check"))


@pytest.mark.parametrize("name", CASES)
def test_reads_back(name):
    """A domain says by itself whose it is, where its ssh and its disk are, its card and its share of a core, however
    awkward the names."""
    spec, kind, host, overlay = CASES[name]
    mac = "00:16:3e:74:{:02x}:{:02x}".format(*divmod(spec.slot, 256)) if spec.slot else None
    if not kind.has_slots:
        mac = ""  # its card is QEMU's, not libvirt's
    expected = OurDomain(
        spec.id,
        spec.name,
        spec.owner,
        spec.image,
        spec.port,
        overlay,
        mac_address(spec.id) if mac is None else mac,
        spec.cpu_percent,
    )
    assert domain_from_xml(domain_xml(spec, kind, host, overlay)) == expected


@given(text=st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1))
def test_nothing_typed_becomes_markup(text):
    """Whatever stands in a name or on the kernel's line comes back as the same text, never as an element."""
    xml = domain_xml(replace(SPEC, name=text, image=text, cmdline=text), HostKind.QEMU, HOST, OVERLAY)
    ours = domain_from_xml(xml)
    assert (ours.name, ours.image, xml.count("<devices>")) == (text, text, 1)


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": "no uuid"},
        {"id": SPEC.id.upper()},
        {"owner": ""},
        {"memory_mib": 0},
        {"vcpus": 0},
        {"port": 0},
        {"port": 65536},
        {"name": "a\x00b"},
        {"cmdline": "a\nb"},
        {"image": "\ud800"},
        {"slot": -1},
        {"slot": 1001},
        {"cpu_percent": -1},
    ],
)
def test_refused(wrong):
    """What cannot stand in a domain is refused with a sentence, before any host hears of it."""
    with pytest.raises(BackendError, match=".+"):
        domain_xml(replace(SPEC, **wrong), HostKind.QEMU, HOST, OVERLAY)


@pytest.mark.parametrize(
    "xml",
    [
        "",
        "<domain",
        "<domain><name>lab-debian-1</name></domain>",
        "<domain><uuid>x</uuid><metadata><t:lab xmlns:t='urn:trainbot:lab:1' owner='o'/></metadata></domain>",
        "<domain><metadata><t:lab xmlns:t='urn:trainbot:lab:1' port='many'/></metadata></domain>",
        "<domain><metadata><t:lab xmlns:t='urn:someone:else' owner='o'/></metadata></domain>",
    ],
)
def test_foreign(xml):
    """A domain without our mark, or with a broken one, is not ours, whatever its name."""
    assert domain_from_xml(xml) is None


CAPABILITIES = """<capabilities><host><secmodel><model>apparmor</model><doi>0</doi></secmodel>
<secmodel><model>dac</model><doi>0</doi><baselabel type='kvm'>+1:+2</baselabel><baselabel type='qemu'>{label}</baselabel>
</secmodel></host><guest><os_type>hvm</os_type><arch name='i686'><domain type='kvm'/></arch></guest>
<guest><os_type>hvm</os_type><arch name='x86_64'><domain type='qemu'/>{kvm}</arch></guest></capabilities>"""


@pytest.mark.parametrize(
    ("xml", "expected"),
    [
        (CAPABILITIES.format(label="+64055:+64055", kvm="<domain type='kvm'/>"), Qemu(True, (64055, 64055))),
        (CAPABILITIES.format(label="+0:+108", kvm=""), Qemu(False, (0, 108))),
        (CAPABILITIES.format(label="libvirt-qemu:kvm", kvm=""), Qemu()),
        ("<capabilities/>", Qemu()),
        ("<capabil", Qemu()),
    ],
)
def test_what_a_host_says_of_its_qemu(xml, expected):
    """Whether labs of our architecture can use KVM there, and as whom they run; unknown is no and nobody."""
    assert qemu_of(xml) == expected


def test_nobody_is_given_the_image():
    """Where QEMU's user is known, libvirt changes the owner of no file: not of the image that all labs start from."""
    spec, kind, host, overlay = CASES["kvm"]
    label = ET.fromstring(domain_xml(spec, kind, host, overlay, user=(64055, 108))).find("seclabel")
    assert label.attrib == {"type": "static", "model": "dac", "relabel": "no"}
    assert label.findtext("label") == "+64055:+108"


def test_mac_address_stays():
    """A lab has the same MAC, in Xen's range, each time that it is defined."""
    assert mac_address(SPEC.id) == mac_address(SPEC.id) != mac_address(SPEC.id[::-1])
    assert mac_address(SPEC.id).startswith("00:16:3e:")


def test_the_console_of_an_embedded_lab_is_a_socket_in_a_folder_of_ours():
    """A unix socket under the host's root, which fits however long the root may be; never a terminal or a TCP port."""
    root = Path("/srv/labs")
    path = console_socket(f"qemu:///embed?root={root}", SPEC.id)
    assert path == root / "console" / SPEC.id
    devices = ET.fromstring(domain_xml(SPEC, HostKind.QEMU, HOST, OVERLAY, path)).find("devices")
    for tag in ("serial", "console"):
        (device,) = devices.findall(tag)
        assert device.get("type") == "unix" and device.find("source").attrib == {"mode": "bind", "path": str(path)}
    assert len(str(console_socket("qemu:///embed?root=/" + "r" * 50, SPEC.id))) <= 107  # unix(7)
    assert console_socket("xen+ssh://root@x/system", SPEC.id) is None is console_socket("qemu:///system", SPEC.id)


def test_the_folder_of_consoles_is_nobody_elses(tmp_path):
    """Also where it was there before with other rights."""
    (tmp_path / "console").mkdir(mode=0o755)
    prepare_root(tmp_path)
    assert (tmp_path / "console").stat().st_mode & 0o777 == 0o700
