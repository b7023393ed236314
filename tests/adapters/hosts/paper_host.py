"""A host of libvirt's test driver for one connection alone: test:///default is shared by all of a process."""

from __future__ import annotations

from pathlib import Path

STRANGER = "6ba7b810-9dad-41d1-80b4-00000000dead"
_NODE = f"""<node><cpu><mhz>2000</mhz><model>x</model><active>4</active><nodes>1</nodes><sockets>1</sockets>
<cores>4</cores><threads>1</threads></cpu><memory>8388608</memory>
<domain type='test'><name>stranger</name><uuid>{STRANGER}</uuid>
<memory unit='MiB'>64</memory><os><type>hvm</type></os></domain></node>"""


def paper_host(folder: Path) -> str:
    """Its URI; 8 GiB, 4 cores and one domain that is not ours."""
    (folder / "node.xml").write_text(_NODE)
    return f"test://{folder}/node.xml"
