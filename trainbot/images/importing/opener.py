"""Run by the system's Python, which has libguestfs: opens a disk in a small virtual machine.

stdin: one JSON object, {disk, kernel (a version, or ''), to (a folder), write: {path: content}}.  stdout: JSON lines,
{"stage": …} on the way and one {"done": {…}} or {"error": sentence} at the end.  The disk is not trusted: nothing in it
is mounted on this machine, and the output is limited.
"""

from __future__ import annotations

import json
import os
import re
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import ModuleType

    from guestfs import GuestFS

MOST_KERNEL, MOST_INITRD, MOST_TEXT, MOST_ENTRIES = 64 << 20, 512 << 20, 256 << 10, 20
VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+~-]{0,100}")
INITRDS = ("/boot/initrd.img-%s", "/boot/initramfs-%s.img", "/boot/initrd-%s")


class ImageError(Exception):
    """An error with a sentence for the organiser."""


def tell(**what: object) -> None:
    print(json.dumps(what), flush=True)


def order(version: str) -> list[tuple[int, int, str]]:
    """So that 6.1.0-10 comes after 6.1.0-9."""
    return [(1, int(part), "") if part.isdigit() else (0, 0, part) for part in re.split(r"(\d+)", version)]


def named(g: GuestFS, root: str) -> str:
    product: str = g.inspect_get_product_name(root)
    distro: str = g.inspect_get_distro(root)
    return product if distro in product.lower() else distro + " " + product


def mount(g: GuestFS) -> str:
    roots = g.inspect_os()
    if not roots and any(g.vfs_type(each) == "crypto_LUKS" for each in g.list_partitions()):
        raise ImageError("this disk is encrypted (LUKS), so labs cannot boot it: use the distribution's cloud image")
    if not roots:
        raise ImageError("no operating system found on this disk: use a Linux distribution's cloud image")
    if len(roots) > 1:
        names = ", ".join(named(g, root)[:40] for root in roots[:4])
        raise ImageError(
            "this disk has %d operating systems (%s): use a cloud image, which has only one" % (len(roots), names)
        )
    root: str = roots[0]
    if g.inspect_get_type(root) != "linux" or g.inspect_get_arch(root) != "x86_64":
        raise ImageError(
            "this is %s for %s, but labs need Linux on x86_64: use that image"
            % (g.inspect_get_type(root), g.inspect_get_arch(root))
        )
    mounts = g.inspect_get_mountpoints(root)
    for point in sorted(mounts, key=len):
        try:
            g.mount(mounts[point], point)
        except RuntimeError:
            if point == "/":
                raise
    return root


def kernels(g: GuestFS) -> list[str]:
    found = []
    for path in g.glob_expand("/boot/vmlinuz-*"):
        version = path[len("/boot/vmlinuz-") :]
        if VERSION.fullmatch(version) and "rescue" not in version and g.is_file(path, followsymlinks=True):
            if any(g.is_file(form % version, followsymlinks=True) for form in INITRDS):
                found.append(version)
    return sorted(found, key=order)


def take(g: GuestFS, path: str, to: str, most: int, what: str) -> None:
    size = g.filesize(path)
    if not 0 < size <= most:
        raise ImageError("the %s %s has %d bytes, which is not a valid size for a %s" % (what, path, size, what))
    g.download(path, to)


def choose(g: GuestFS, request: str) -> tuple[str, list[str]]:
    versions = kernels(g)
    if not versions:
        raise ImageError(
            "no kernel with an initrd in /boot on this disk (container images have none): use the "
            "one for clouds or virtual machines"
        )
    if request and request not in versions:
        raise ImageError("no kernel %s on this disk (available: %s)" % (request, ", ".join(versions)))
    return request or versions[-1], versions


def texts(g: GuestFS, pattern: str) -> list[str]:
    found = []
    for path in g.glob_expand(pattern)[:MOST_ENTRIES]:
        if g.is_file(path) and g.filesize(path) <= MOST_TEXT:
            found.append(g.read_file(path).decode("utf-8", "replace"))
    return found


def label_of(g: GuestFS, path: str) -> str | None:
    """The SE Linux label for new files in that folder: the folder's own, as the kernel does it."""
    try:
        return next((each["attrval"] for each in g.lgetxattrs(path) if each["attrname"] == "security.selinux"), None)
    except RuntimeError:
        return None


def put(g: GuestFS, path: str, content: str, mode: int = 0o600) -> None:
    """Write a file and its folders with labels, accessible only to root."""
    folder, made = os.path.dirname(path), []
    while not g.is_dir(folder):
        made.append(folder)
        folder = os.path.dirname(folder)
    label = label_of(g, folder)
    if made:
        g.mkdir_p(made[0])
    g.write(path, content.encode())
    g.chmod(mode, path)
    for each in [*made, path]:
        if label is not None:
            g.lsetxattr("security.selinux", label, len(label), each)


def work(g: GuestFS, asked: dict[str, Any]) -> dict[str, Any]:
    root = mount(g)
    if not any(g.is_file(path, followsymlinks=True) for path in ("/usr/bin/cloud-init", "/bin/cloud-init")):
        raise ImageError("no cloud-init on this disk, so nobody could log in: use the distribution's cloud image")
    tell(stage="extracting kernel and initrd")
    version, versions = choose(g, asked["kernel"])
    initrd = next(form % version for form in INITRDS if g.is_file(form % version, followsymlinks=True))
    take(g, "/boot/vmlinuz-" + version, os.path.join(asked["to"], "vmlinuz"), MOST_KERNEL, "kernel")
    take(g, initrd, os.path.join(asked["to"], "initrd"), MOST_INITRD, "initrd")
    done = {
        "product": named(g, root),
        "kernel": version,
        "kernels": versions,
        "selinux": g.is_file("/etc/selinux/config"),
        "root": g.vfs_uuid(root),
        "filesystem": g.vfs_type(root),
        "subvolume": "",
        "entries": texts(g, "/boot/loader/entries/*.conf"),
        "grub": texts(g, "/boot/grub/grub.cfg") + texts(g, "/boot/grub2/grub.cfg"),
    }
    if root.startswith("btrfsvol:"):
        done["subvolume"] = g.mountable_subvolume(root)
    tell(stage="adding the seed for cloud-init")
    for path, content in asked["write"].items():
        put(g, path, content)
    for path in ("/etc/machine-id", "/var/lib/dbus/machine-id"):
        if g.is_file(path):
            g.truncate(path)
    if not g.is_file("/etc/machine-id"):  # without it systemd assumes a first boot and asks questions on the console
        put(g, "/etc/machine-id", "", 0o444)
    g.umount_all()
    g.shutdown()
    return done


def launched(guestfs: ModuleType, disk: str, settings: list[str]) -> GuestFS:
    g = guestfs.GuestFS(python_return_dict=True)
    g.set_backend("direct")
    g.set_backend_settings(settings)
    g.add_drive_opts(disk, format="raw", cachemode="unsafe")
    g.launch()
    return g


def main() -> None:
    try:
        import guestfs
    except ImportError:
        tell(error="libguestfs is not installed: apt install python3-guestfs")
        return
    asked = json.loads(sys.stdin.read())
    tell(stage="opening the disk (libguestfs)")
    try:
        g = launched(guestfs, asked["disk"], [])
    except RuntimeError:
        tell(stage="opening the disk without KVM (a little slower)")  # it may exist and still not work
        try:
            g = launched(guestfs, asked["disk"], ["force_tcg"])
        except RuntimeError as error:
            tell(
                error="libguestfs does not start: %s; run libguestfs-test-tool for details. It needs a readable kernel "
                "(apt install linux-image-cloud-amd64)" % " ".join(str(error).split())[:300]
            )
            return
    try:
        tell(done=work(g, asked))
    except ImageError as wrong:
        tell(error=str(wrong))
    except RuntimeError as error:
        tell(error="cannot read the disk: %s" % " ".join(str(error).split())[:300])


if __name__ == "__main__":
    main()
