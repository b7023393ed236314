"""Run by the system's Python, which has libguestfs: opens a disk in a small virtual machine, twice asked over stdin.

stdin: a line of JSON, {disk, to (a folder)}; then, once the facts are known, another: {to, take: {file name:
path in the image}, write: [[path, content or file on this machine, is a file, mode]], labels: {path: SE Linux label}, empty: [path]}.
stdout: JSON lines,
{"stage": …} on the way, {"facts": {…}} after the first, and {"done": {}} or {"error": sentence} at the end.  It decides
nothing about what it finds.  The disk is not trusted: nothing in it is mounted or run on this machine, and what is read
of it is limited.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import ModuleType

    from guestfs import GuestFS

MOST_TEXT, MOST_ENTRIES, MOST_KERNELS = 256 << 10, 20, 40
MOST = {"vmlinuz": 64 << 20, "initrd": 512 << 20}
VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+~-]{0,100}")
INITRDS = ("/boot/initrd.img-%s", "/boot/initramfs-%s.img", "/boot/initrd-%s", "/boot/initramfs-%s")
CONFIGS = ("/boot/config-%s", "/lib/modules/%s/config", "/usr/lib/modules/%s/config")
BUILTIN = ("/lib/modules/%s/modules.builtin", "/usr/lib/modules/%s/modules.builtin")
CONFIG = re.compile(r"^CONFIG_(?:XEN|XEN_PV|XEN_PVH|XEN_PVHVM|XEN_BLKDEV_FRONTEND|VIRTIO_BLK)=[ym]$", re.MULTILINE)
DRIVERS = re.compile(r"(?:xen-blkfront|virtio_blk)(?=\.ko)")
CLOUD_INIT = ("/usr/bin/cloud-init", "/bin/cloud-init")
TMUX = ("/usr/bin/tmux", "/bin/tmux", "/usr/local/bin/tmux")
#: What boots a system without a kernel and an initrd of its own in /boot.
OTHER_BOOT = {
    "uki": ("/boot/efi/EFI/Linux/*.efi", "/boot/EFI/Linux/*.efi", "/efi/EFI/Linux/*.efi", "/usr/lib/modules/*/*.efi"),
    "sd-boot": (
        "/boot/efi/EFI/systemd/systemd-boot*.efi",
        "/boot/EFI/systemd/systemd-boot*.efi",
        "/efi/EFI/systemd/systemd-boot*.efi",
        "/boot/efi/loader/entries/*.conf",
        "/efi/loader/entries/*.conf",
    ),
    "kernel": ("/boot/vmlinuz*", "/boot/bzImage*", "/boot/vmlinux*", "/usr/lib/modules/*/vmlinuz"),
}
#: The same on an EFI partition that /etc/fstab need not name: systemd mounts it by its type.
EFI_BOOT = {"uki": "/EFI/Linux/*.efi", "sd-boot": "/EFI/systemd/systemd-boot*.efi"}
MOST_PARTITIONS = 32
SYSTEMD = ("/usr/lib/systemd/systemd", "/lib/systemd/systemd")
LABEL = "security.selinux"
PRIVATE = {"/root/.ssh": 0o700}


class ImageError(Exception):
    """An error with a sentence for the organiser."""


def tell(**what: object) -> None:
    print(json.dumps(what), flush=True)


def brief(error: object) -> str:
    return " ".join(str(error).split())[:300]


def named(g: GuestFS, root: str) -> str:
    product: str = g.inspect_get_product_name(root)
    distro: str = g.inspect_get_distro(root)
    return product if distro in product.lower() else distro + " " + product


def mount(g: GuestFS) -> tuple[str, dict[str, str]]:
    """Mounts the system; returns its root, and which folders could not be mounted -> why."""
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
    mounts, failed = {"/": root, **g.inspect_get_mountpoints(root)}, {}  # /etc/fstab need not name the root
    for point in sorted(mounts, key=len):
        try:
            g.mount(mounts[point], point)
        except RuntimeError as error:
            if point == "/":
                raise
            failed[point] = brief(error)
    listed = re.search(r"^[ \t]*([^#\s]\S*)[ \t]+/boot[ \t]", text(g, "/etc/fstab"), re.MULTILINE)
    if listed and "/boot" not in mounts:
        failed["/boot"] = "nothing on this disk is %s, which is in /etc/fstab" % listed[1][:80]
    return root, failed


def efi_boot(g: GuestFS) -> list[str]:
    """What the EFI partitions have of EFI_BOOT.  Nothing may be mounted."""
    found = set()
    for partition in g.list_partitions()[:MOST_PARTITIONS]:
        if g.vfs_type(partition) == "vfat":
            try:
                g.mount_ro(partition, "/")
            except RuntimeError:  # then it is none that boots
                continue
            found |= {kind for kind, pattern in EFI_BOOT.items() if g.glob_expand(pattern)}
            g.umount_all()
    return sorted(found)


def first(g: GuestFS, paths: tuple[str, ...], version: str) -> str:
    return next((path % version for path in paths if g.is_file(path % version, followsymlinks=True)), "")


def text(g: GuestFS, path: str) -> str:
    """A file's text; '' if there is none, or if it is too long to be what it should."""
    if not path or not g.is_file(path, followsymlinks=True) or g.filesize(path) > MOST_TEXT * 4:
        return ""
    content: bytes = g.read_file(path)
    return content.decode("utf-8", "replace")


def texts(g: GuestFS, pattern: str) -> dict[str, str]:
    found = {}
    for path in g.glob_expand(pattern)[:MOST_ENTRIES]:
        if g.is_file(path, followsymlinks=True) and g.filesize(path) <= MOST_TEXT:
            found[path] = text(g, path)
    return found


def kernels(g: GuestFS) -> list[dict[str, Any]]:
    """Each kernel in /boot with its initrd ('': it has none), in no order."""
    found = []
    for path in g.glob_expand("/boot/vmlinuz-*")[:MOST_KERNELS]:
        version = path[len("/boot/vmlinuz-") :]
        if VERSION.fullmatch(version) and "rescue" not in version and g.is_file(path, followsymlinks=True):
            found.append({"version": version, "kernel": path, "initrd": first(g, INITRDS, version)})
    return found


def about(g: GuestFS, version: str) -> dict[str, Any]:
    """What is known of a kernel: the lines of its configuration that matter (None: it has none), drivers built in."""
    config = text(g, first(g, CONFIGS, version))
    builtin = text(g, first(g, BUILTIN, version))
    return {
        "config": CONFIG.findall(config) if config else None,
        "builtin": sorted(set(DRIVERS.findall(builtin))),
    }


def selinux(g: GuestFS) -> dict[str, Any]:
    """/etc/selinux/config, and the folder of that policy's file_contexts ('': none)."""
    config = text(g, "/etc/selinux/config")
    policy = re.search(r"^\s*SELINUXTYPE\s*=\s*([A-Za-z0-9_-]{1,40})", config, re.MULTILINE)
    contexts = "/etc/selinux/%s/contexts/files" % (policy[1] if policy else "targeted")
    there = bool(config) and g.is_file(contexts + "/file_contexts")
    return {"selinux": config, "contexts": contexts if there else ""}


def look(g: GuestFS, to: str) -> dict[str, Any]:
    """Mounts the system and says what is there; copies file_contexts, if any, into the folder ``to``."""
    elsewhere = efi_boot(g)
    root, failed = mount(g)
    found = kernels(g)
    for each in found:
        each.update(about(g, each["version"]))
    facts = {
        "product": named(g, root),
        "packages": g.inspect_get_package_format(root),
        "unmounted": failed,
        "kernels": found,
        "other_boot": sorted(
            {kind for kind, globs in OTHER_BOOT.items() if any(g.glob_expand(each) for each in globs)}.union(elsewhere)
        ),
        "cloud_init": any(g.is_file(path, followsymlinks=True) for path in CLOUD_INIT),
        "tmux": any(g.is_file(path, followsymlinks=True) for path in TMUX),
        "systemd": any(g.is_file(path, followsymlinks=True) for path in SYSTEMD),
        "machine_id": g.is_file("/etc/machine-id"),
        "root": g.vfs_uuid(root),
        "filesystem": g.vfs_type(root),
        "subvolume": g.mountable_subvolume(root) if root.startswith("btrfsvol:") else "",
        "entries": texts(g, "/boot/loader/entries/*.conf"),
        "grub": [*texts(g, "/boot/grub/grub.cfg").values(), *texts(g, "/boot/grub2/grub.cfg").values()],
        "grubenv": [text(g, path) for path in ("/boot/grub2/grubenv", "/boot/grub/grubenv")],
        **selinux(g),
    }
    if facts["contexts"]:
        for path in g.glob_expand(facts["contexts"] + "/file_contexts*"):
            name = os.path.basename(path)
            if name.rpartition(".")[2] in ("file_contexts", "local", "homedirs", "subs", "subs_dist"):
                if g.is_file(path, followsymlinks=True) and g.filesize(path) <= MOST_TEXT * 16:
                    g.download(path, os.path.join(to, name))
    return facts


def take(g: GuestFS, path: str, to: str) -> None:
    what = {"vmlinuz": "kernel"}.get(os.path.basename(to), os.path.basename(to))
    size = g.filesize(path)
    if not 0 < size <= MOST[os.path.basename(to)]:
        raise ImageError("the %s %s has %d bytes, which is not a valid size for a %s" % (what, path, size, what))
    g.download(path, to)


def label_of(g: GuestFS, path: str) -> str | None:
    """The SE Linux label of a file or folder."""
    try:
        label: bytes = next(each["attrval"] for each in g.lgetxattrs(path) if each["attrname"] == LABEL)
        return label.rstrip(b"\0").decode("ascii")  # the kernel stores a final NUL, which lsetxattr refuses
    except (RuntimeError, StopIteration, ValueError):
        return None


def set_label(g: GuestFS, path: str, label: str | None) -> None:
    if label is not None:
        g.lsetxattr(LABEL, label, len(label), path)


def put(g: GuestFS, path: str, source: str, is_file: bool, mode: int, labels: dict[str, str]) -> None:
    """Write a file, and its folders if they are missing.  What ``labels`` has no label for gets its folder's, as the
    kernel does it.  A link in its place is replaced, never followed."""
    folder, made = os.path.dirname(path), []
    while not g.is_dir(folder, followsymlinks=True):
        made.append(folder)
        folder = os.path.dirname(folder)
    inherited = label_of(g, folder)
    for each in reversed(made):
        g.mkdir(each)
        g.chmod(PRIVATE.get(each, 0o755), each)
        set_label(g, each, labels.get(each) or inherited)
        inherited = label_of(g, each)
    if g.is_symlink(path):
        g.rm(path)
    if is_file:
        g.upload(source, path)
    else:
        g.write(path, source.encode())
    g.chmod(mode, path)
    g.chown(0, 0, path)
    set_label(g, path, labels.get(path) or inherited)


def work(g: GuestFS, asked: dict[str, Any]) -> None:
    tell(stage="extracting kernel and initrd")
    for name, path in asked["take"].items():
        take(g, path, os.path.join(asked["to"], name))
    tell(stage="adding keys and the seed for cloud-init")
    for path in asked["empty"]:
        if g.is_file(path):
            g.truncate(path)
    for path, source, is_file, mode in asked["write"]:
        put(g, path, source, is_file, mode, asked["labels"])


def launched(guestfs: ModuleType, disk: str, settings: list[str]) -> GuestFS:
    g = guestfs.GuestFS(python_return_dict=True)
    g.set_backend("direct")
    g.set_backend_settings(settings)
    g.add_drive_opts(disk, format="raw", cachemode="unsafe")
    g.launch()
    return g


def opened(guestfs: ModuleType, disk: str) -> GuestFS:
    tell(stage="opening the disk (libguestfs)")
    try:
        return launched(guestfs, disk, [])
    except RuntimeError:
        tell(stage="opening the disk without KVM (a little slower)")  # it may exist and still not work
    try:
        return launched(guestfs, disk, ["force_tcg"])
    except RuntimeError as error:
        raise ImageError(
            "libguestfs does not start: %s; run libguestfs-test-tool for details. It needs a readable kernel "
            "(apt install linux-image-cloud-amd64)" % brief(error)
        ) from None


def told(doing: Callable[[], None]) -> None:
    """Whatever goes wrong is one sentence."""
    try:
        doing()
    except ImageError as wrong:
        tell(error=str(wrong))
    except RuntimeError as error:  # all of libguestfs's own
        tell(error="cannot read the disk: %s" % brief(error))
    except Exception as error:
        tell(
            error="cannot import this disk, because of a fault in trainbot (%s: %s)"
            % (type(error).__name__, brief(error))
        )


def main() -> None:
    try:
        import guestfs
    except ImportError:
        tell(error="libguestfs is not installed: apt install python3-guestfs")
        return
    asked = json.loads(sys.stdin.readline())
    g = opened(guestfs, asked["disk"])
    tell(facts=look(g, asked["to"]))
    line = sys.stdin.readline()
    if line:  # nothing: what was found is refused
        work(g, json.loads(line))
        g.umount_all()
        g.shutdown()
        tell(done={})


if __name__ == "__main__":
    told(main)
