"""A repository of RPM packages that the tests make: signed, unsigned, changed after that, and a server that breaks off."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@dataclass
class Package:
    """A package: `files` are path -> text (or the path of a file here); `header`: more lines of its spec."""

    name: str
    files: Mapping[str, str | Path] = field(default_factory=dict)
    folders: tuple[str, ...] = ()
    links: Mapping[str, str] = field(default_factory=dict)
    docs: tuple[str, ...] = ()
    header: str = ""
    post: str = ""


class Signer:
    """A key of the tests' own, which signs packages."""

    def __init__(self, home: Path, name: str) -> None:
        home.mkdir(mode=0o700)
        self.home, self.name = home, name
        self._gpg(
            "--passphrase", "", "--quick-generate-key", f"{name} <{name}@example.org>", "rsa3072", "sign", "never"
        )
        listed = self._gpg("--with-colons", "--list-keys")
        self.fingerprint = next(line.split(":")[9] for line in listed.splitlines() if line.startswith("fpr:"))

    def export(self, folder: Path, name: str = "") -> Path:
        """The public key in `folder`, in a file named by its fingerprint (or as said)."""
        folder.mkdir(exist_ok=True)
        path = folder / f"{name or self.fingerprint}.asc"
        path.write_text(self._gpg("--armor", "--export", self.fingerprint))
        return path

    def sign(self, packages: Iterable[Path]) -> None:
        """rpmsign(8)."""
        macros = {"_gpg_name": self.fingerprint, "_gpg_path": str(self.home), "__gpg": "/usr/bin/gpg"}
        defined = [word for name, value in macros.items() for word in ("--define", f"{name} {value}")]
        run("rpmsign", *defined, "--addsign", *map(str, packages), env={"GNUPGHOME": str(self.home)})

    def close(self) -> None:
        """End gpg's agent."""
        run("gpgconf", "--homedir", str(self.home), "--kill", "all")

    def _gpg(self, *words: str) -> str:
        return run("gpg", "--homedir", str(self.home), "--batch", *words)


def run(*words: str, env: Mapping[str, str] | None = None) -> str:
    ran = subprocess.run(
        words, capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C.UTF-8", **(env or {})}
    )
    assert ran.returncode == 0, (words, ran.stdout, ran.stderr)
    return ran.stdout


def build(package: Package, top: Path) -> Path:
    """Build the package in `top`; returns the file."""
    root = top / f"{package.name}-files"
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir()
    listed = [f'%dir "{folder}"' for folder in package.folders]
    for folder in package.folders:
        (root / folder.strip("/")).mkdir(parents=True, exist_ok=True)
    for path, target in package.links.items():
        (root / path.strip("/")).symlink_to(target)
        listed.append(f'"{path}"')
    for path, content in package.files.items():
        to = root / path.strip("/")
        to.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, Path):
            shutil.copy(content, to)
        else:
            to.write_text(content)
        listed.append(f'{"%doc " if path in package.docs else ""}"{path}"')
    lines = [
        f"Name: {package.name}",
        "Version: 1",
        "Release: 1",
        "Summary: A stand-in",
        "License: none",
        "AutoReqProv: no",
        package.header,
        "%description",
        "A stand-in.",
        "%install",
        f"mkdir -p %{{buildroot}}; cp -a {root}/. %{{buildroot}}/",
        *(["%post", package.post] if package.post else []),
        "%files",
        *listed,
    ]
    spec = top / f"{package.name}.spec"
    spec.write_text("\n".join(lines) + "\n")
    quick = ("_build_id_links none", "__os_install_post %{nil}", "__brp_compress %{nil}", f"_topdir {top / 'rpmbuild'}")
    defined = [word for each in quick for word in ("--define", each)]
    run("rpmbuild", "-bb", "--nodeps", *defined, str(spec))
    return top / "rpmbuild/RPMS/x86_64" / f"{package.name}-1-1.x86_64.rpm"


def shell_and_what_it_needs() -> dict[str, str | Path]:
    """What scripts need of the machine that tests: sh, env and a few more with their libraries, as files of a package."""
    found: dict[str, str | Path] = {}
    for program in ("sh", "env", "cat", "rm", "mkdir", "id", "stat", "sleep", "chmod"):
        path = shutil.which(program, path="/usr/bin")
        assert path
        found[f"/usr/bin/{program}"] = Path(path)
        for line in run("ldd", path).splitlines():
            library = next((word for word in line.split() if word.startswith("/")), "")
            if library:
                inside = library if library.startswith("/usr/") else f"/usr{library}"
                found[inside] = Path(library)
    return found


class Repository:
    """A folder that createrepo_c(8) has read, below a web server's root on loopback."""

    def __init__(self, root: Path, below: str) -> None:
        self.folder = root / below
        self.folder.mkdir(parents=True)
        self.root = root
        self.breaks_off: str = ""  # a part of the names of files that are sent by half
        self.waits: str = ""  # a part of the names of files that never come
        self.requests: list[str] = []
        self._over = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, self, directory=str(root)))
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def mirror(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/"

    def hold(self) -> None:
        """Called where a file never comes."""
        self._over.wait()

    def index(self, packages: Iterable[Path] = ()) -> None:
        """Take these packages in and describe all that is there."""
        for package in packages:
            shutil.copy(package, self.folder)
        run("createrepo_c", "--quiet", str(self.folder))

    def close(self) -> None:
        self._over.set()
        self._server.shutdown()
        self._server.server_close()


class _Handler(SimpleHTTPRequestHandler):
    def __init__(self, repository: Repository, *words: object, directory: str) -> None:
        self._repository = repository
        super().__init__(*words, directory=directory)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        here = self._repository
        here.requests.append(self.path)
        if here.waits and here.waits in self.path:
            here.hold()
            return
        if here.breaks_off and here.breaks_off in self.path:
            data = (here.root / self.path.lstrip("/")).read_bytes()
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data[: len(data) // 2])
            return
        super().do_GET()

    def log_message(self, *words: object) -> None:
        pass
