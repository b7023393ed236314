"""Whether an address means the local machine."""

from __future__ import annotations

import ipaddress


def is_here(address: str) -> bool:
    """Whether ``address`` always means one's own machine (RFC 6761 6.3, RFC 1122 3.2.1.3)."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        name = address.lower().rstrip(".")
        return name in ("localhost", "localhost.localdomain", "ip6-localhost") or name.endswith(".localhost")
