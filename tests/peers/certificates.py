"""Certificates for servers and clients on this machine's loopback, made with openssl(1)."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path


def openssl(*arguments: str, cwd: Path) -> None:
    subprocess.run(["openssl", *arguments], cwd=cwd, check=True, capture_output=True)


def make_certificates(folder: Path) -> None:
    """A CA, and a server's certificate for localhost and 127.0.0.1 signed by it, and a client's."""
    new = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    openssl(
        "req", "-x509", *new, "-days", "2", "-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=tests",
        "-addext", "basicConstraints=critical,CA:TRUE",
        "-addext", "keyUsage=critical,keyCertSign,cRLSign", cwd=folder,
    )  # fmt: skip
    for name, extension in (
        ("server", "subjectAltName=DNS:localhost,IP:127.0.0.1"),
        ("client", "extendedKeyUsage=clientAuth"),
    ):
        (folder / f"{name}.ext").write_text(extension)
        openssl("req", *new, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}", cwd=folder)
        openssl(
            "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial",
            "-days", "2", "-extfile", f"{name}.ext", "-out", f"{name}.crt", cwd=folder,
        )  # fmt: skip


def pkipath(folder: Path, ours: Path, authority: Path) -> Path:
    """A folder as libvirt's parameter of that name wants it (https://libvirt.org/uri.html): the client's certificate of
    ``ours``, and whom it trusts, from where ``make_certificates`` made them."""
    folder.mkdir()
    for source, name in (
        (authority / "ca.crt", "cacert"),
        (ours / "client.crt", "clientcert"),
        (ours / "client.key", "clientkey"),
    ):
        shutil.copy(source, folder / f"{name}.pem")
    return folder
