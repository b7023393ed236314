import configparser
import io
import re
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from trainbot.core.errors import ConfigError
from trainbot.images.build.dnf import dnf_conf, key_file
from trainbot.images.build.overlay import HOOKS, write_overlay
from trainbot.images.build.recipe import load_recipe, recipe_files, recipe_hash
from trainbot.images.build.rootfs import mmdebstrap

SHIPPED = Path(__file__).parents[3] / "images"


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "files/etc/hostname").write_text("other\n"),
        lambda folder: (folder / "files/etc/hostname").rename(folder / "files/etc/mailname"),
        lambda folder: (folder / "hooks/30-new.sh").write_text("true\n"),
        lambda folder: (folder / "recipe.toml").write_text((folder / "recipe.toml").read_text() + "# said more\n"),
    ],
)
def test_whatever_is_changed_in_a_recipe_makes_it_another(recipe_dir, key, change):
    """A change of content, of name or a new file changes the hash, so the image is built anew."""
    before = recipe_hash(recipe_dir, key)
    change(recipe_dir)
    assert recipe_hash(recipe_dir, key) != before


def test_content_cannot_move_between_files_unnoticed(recipe_dir, key):
    """Two recipes whose files only together have the same bytes differ."""
    (recipe_dir / "files/a").write_text("x")
    (recipe_dir / "files/b").write_text("yz")
    before = recipe_hash(recipe_dir, key)
    (recipe_dir / "files/a").write_text("xy")
    (recipe_dir / "files/b").write_text("z")
    assert recipe_hash(recipe_dir, key) != before


def test_another_key_makes_another_image(recipe_dir, key):
    """The key that may log in is part of the image; its comment is not."""
    kind, base64, _ = key.split()
    assert recipe_hash(recipe_dir, f"{kind} {base64} somebody@elsewhere\n") == recipe_hash(recipe_dir, key)
    assert recipe_hash(recipe_dir, f"{kind} {base64[:-4]}AAA= lab") != recipe_hash(recipe_dir, key)


def test_what_editors_leave_is_no_part_of_a_recipe(recipe_dir, key):
    """Backup files, swap files and Python's own do not cost a new image."""
    before = recipe_hash(recipe_dir, key)
    for name in ("recipe.toml~", ".recipe.toml.swp", "__init__.py"):
        (recipe_dir / name).write_text("left")
    assert recipe_hash(recipe_dir, key) == before


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('suite = "bookworm"', "", "has no suite"),
        ("disk_mib = 64", 'disk_mib = "64"', "disk_mib = '64' has the wrong type"),
        ("disk_mib = 64", "disk_mib = ", "cannot be read"),
        ("disk_mib = 64", "disk_mib = 64\nmemroy = 3", "unknown key memroy"),
    ],
)
def test_a_wrong_recipe_says_where(recipe_dir, old, new, said):
    """A recipe that cannot be used is a ConfigError which names the file and the setting."""
    path = recipe_dir / "recipe.toml"
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(ConfigError, match=said) as error:
        load_recipe(recipe_dir)
    assert str(path) in str(error.value)


DNF = """
kind = "dnf"
[dnf]
release = "9"
platform = "platform:el9"
rpmdb = "/var/lib/rpm"
mirror = "https://mirror.example.org/"
keys = ["0123456789ABCDEF0123456789ABCDEF01234567"]
[dnf.repositories]
baseos = "9/BaseOS/x86_64/os/"
"""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('kind = "dnf"', "", "belong together"),
        ('kind = "dnf"', 'kind = "yum"', 'unknown kind "yum"'),
        ('release = "9"', 'release = "9"\ncpu = "x86-64-v9"', "unknown dnf.cpu"),
        ('keys = ["0123456789ABCDEF0123456789ABCDEF01234567"]', "", "has no dnf.keys"),
        ('keys = ["0123456789ABCDEF0123456789ABCDEF01234567"]', "keys = []", "needs the fingerprints"),
        ('keys = ["0123456789ABCDEF0123456789ABCDEF01234567"]', 'keys = ["../../key"]', "needs the fingerprints"),
        ('keys = ["0123456789ABCDEF0123456789ABCDEF01234567"]', "keys = [7]", "dnf.keys = .7. has the wrong type"),
        ('rpmdb = "/var/lib/rpm"', 'rpmdb = "var/lib/rpm"', "has to begin with /"),
        ('rpmdb = "/var/lib/rpm"', 'rpmdb = "/a\\n%_pkgverify_level none"', "has spaces"),
        ('mirror = "https://mirror.example.org/"', 'mirror = "http://x/\\ngpgcheck=0"', "has spaces"),
        ('baseos = "9/BaseOS/x86_64/os/"', 'baseos = "9/\\ngpgcheck=0"', "is not a repository"),
        ('baseos = "9/BaseOS/x86_64/os/"', 'main = "9/"', "is not a repository"),
        ('baseos = "9/BaseOS/x86_64/os/"', "", "names no repository"),
        ('release = "9"', 'release = "9"\ngpgcheck = "0"', "unknown key dnf.gpgcheck"),
    ],
)
def test_a_recipe_cannot_ask_for_less_than_signed_packages(recipe_dir, old, new, said):
    """Keys are named, there are repositories, and no entry smuggles a line into dnf's configuration."""
    path = recipe_dir / "recipe.toml"
    path.write_text(path.read_text() + DNF.replace(old, new))
    with pytest.raises(ConfigError, match=said):
        load_recipe(recipe_dir)


def test_every_repository_is_checked_against_the_keys(recipe_dir):
    """dnf's configuration asks for signatures everywhere, and a mirror of one's own changes the addresses alone."""
    path = recipe_dir / "recipe.toml"
    path.write_text(path.read_text() + DNF + 'appstream = "9/AppStream/x86_64/os/"\n')
    recipe = load_recipe(recipe_dir)
    said = configparser.ConfigParser()
    said.read_string(dnf_conf(recipe, "https://near.example.org/el/"))
    assert said.sections() == ["main", "baseos", "appstream"]
    assert {said[section]["gpgcheck"] for section in said.sections()} == {"1"}
    assert said["appstream"]["baseurl"] == "https://near.example.org/el/9/AppStream/x86_64/os/"
    assert dnf_conf(recipe, recipe.dnf.mirror) == dnf_conf(recipe, "https://near.example.org/el/").replace(
        "https://near.example.org/el/", "https://mirror.example.org/"
    )


def test_of_tables_each_entry_is_extended_by_itself(recipe_dir):
    """A recipe that extends one of RPM packages may say its repositories or its key alone."""
    (recipe_dir / "recipe.toml").write_text((recipe_dir / "recipe.toml").read_text() + DNF)
    recipe = load_recipe(extending(recipe_dir, 'extends = "recipe"\n[dnf.repositories]\nbaseos = "10/"\n'))
    assert recipe.dnf.repositories == {"baseos": "10/"} and recipe.dnf.platform == "platform:el9"


@pytest.mark.parametrize("name", ["centos", "almalinux", "rocky", "centos10", "almalinux10", "rocky10"])
def test_the_shipped_recipes_of_rpm_packages_keep_their_promises(name):
    """Each can be read, boots with SE Linux from its own disk, has its keys beside it, and fetches over https; what differs
    between releases 9 and 10 does, and the keys are known to this machine's gpg."""
    recipe = load_recipe(SHIPPED / name)
    release = "10" if name.endswith("10") else "9"
    assert (recipe.dnf.release, recipe.dnf.platform) == (release, f"platform:el{release}")
    assert {path.partition("/")[0].removesuffix("-stream") for path in recipe.dnf.repositories.values()} == {release}
    assert (recipe.dnf.cpu, recipe.dnf.rpmdb, recipe.kernel.suite) == (
        ("x86-64-v3", "/usr/lib/sysimage/rpm", "trixie")
        if release == "10"
        else ("x86-64-v2", "/var/lib/rpm", "bookworm")
    )
    assert recipe.name == name and recipe.dnf
    assert {"security=selinux", "selinux=1", f"root=LABEL={name}"} <= set(recipe.cmdline.split())
    assert "console=" not in recipe.cmdline and "enforcing=" not in recipe.cmdline
    assert {"openssh-server", "selinux-policy-targeted", "audit", "squid", "nginx", "tmux"} <= set(recipe.packages)
    assert [hook.name for hook in recipe.hooks] == ["10-services.sh", "20-selinux.sh", "90-clean.sh"]
    assert recipe.dnf.mirror.startswith("https://") and recipe.dnf.mirror.endswith("/")
    for key in recipe.dnf.keys:
        assert key_file(SHIPPED / "keys", key)


def test_a_recipe_that_is_not_there_says_so(tmp_path):
    """A wrong folder is a ConfigError, not a traceback."""
    with pytest.raises(ConfigError, match="no recipe at"):
        load_recipe(tmp_path)


@pytest.mark.parametrize(("name", "suite"), [("debian", "bookworm"), ("trixie", "trixie")])
def test_the_shipped_recipes_keep_their_promises(name, suite):
    """Each can be read, boots its own disk with SE Linux, leaves console and mode to the host, and names no mirror."""
    recipe = load_recipe(SHIPPED / name)
    assert (recipe.name, recipe.suite) == (name, suite)
    assert {"security=selinux", "selinux=1", f"root=LABEL={name}"} <= set(recipe.cmdline.split())
    assert "console=" not in recipe.cmdline and "enforcing=" not in recipe.cmdline
    assert {"openssh-server", "selinux-policy-default", "auditd", "squid", "nginx-light"} <= set(recipe.packages)
    files = dict(recipe_files(recipe.folder))
    assert not any("://" in path.read_text() for path in files.values())
    assert files["files/etc/hostname"].read_text() == f"{name}\n"
    assert name in files["files/etc/hosts"].read_text().split()
    assert files["files/etc/fstab"].read_text().startswith(f"LABEL={name} / ")


def test_everything_laid_over_belongs_to_root_and_secrets_are_closed(recipe_dir, key, tmp_path):
    """Whoever builds: root owns the overlay, the host key is root's alone, scripts can be run."""
    host_key = tmp_path / "host_key"
    host_key.write_text("PRIVATE")
    host_key.with_suffix(".pub").write_text("PUBLIC")
    write_overlay(load_recipe(recipe_dir), key, host_key, tmp_path / "overlay.tar")
    with tarfile.open(fileobj=io.BytesIO((tmp_path / "overlay.tar").read_bytes())) as tar:
        modes = {entry.name.removeprefix("./"): entry.mode for entry in tar}
        assert {(entry.uid, entry.gid) for entry in tar} == {(0, 0)}
    assert modes == {
        "root/.ssh": 0o700,
        "root/.ssh/authorized_keys": 0o600,
        "etc/ssh/ssh_host_ed25519_key": 0o600,
        "etc/ssh/ssh_host_ed25519_key.pub": 0o644,
        "etc/hostname": 0o644,
        "usr/bin/greet": 0o755,
        f"{HOOKS}/10-first.sh": 0o644,
        f"{HOOKS}/20-second.sh": 0o644,
    }


def test_hooks_run_inside_in_the_order_of_their_names(recipe_dir, tmp_path):
    """mmdebstrap gets the recipe's hooks by name, inside the new system, and its own mirror when we name none."""
    recipe = load_recipe(recipe_dir)
    hooks = [hook.name for hook in recipe.hooks]
    command = mmdebstrap(recipe.suite, recipe.packages, hooks, tmp_path / "overlay.tar", tmp_path / "out.tar", [], [])
    hooks = [word for word in command if word.startswith("--customize-hook=chroot")]
    assert [hook.rsplit("/", 1)[1] for hook in hooks] == ["10-first.sh", "20-second.sh"]
    assert command[-2:] == ["bookworm", str(tmp_path / "out.tar")]


def extending(recipe_dir: Path, said: str = 'extends = "recipe"\nname = "other"\nsuite = "trixie"\n') -> Path:
    """A recipe beside recipe_dir with its own recipe.toml, host name and second hook."""
    folder = recipe_dir.parent / "other"
    for name, text in {"recipe.toml": said, "files/etc/hostname": "other\n", "hooks/20-second.sh": "false\n"}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def test_a_recipe_that_extends_another_says_only_what_differs(recipe_dir, key, tmp_path):
    """Settings, files and hooks are the other's, except those that it has itself."""
    recipe, base = load_recipe(extending(recipe_dir)), load_recipe(recipe_dir)
    assert recipe == replace(base, folder=recipe.folder, name="other", suite="trixie")
    host_key = tmp_path / "host_key"
    host_key.write_text("PRIVATE")
    host_key.with_suffix(".pub").write_text("PUBLIC")
    write_overlay(recipe, key, host_key, tmp_path / "overlay.tar")
    with tarfile.open(tmp_path / "overlay.tar") as tar:
        said = {name: tar.extractfile(f"./{name}").read() for name in ("etc/hostname", "usr/bin/greet")}
        hooks = [tar.extractfile(f"./{HOOKS}/{hook.name}").read() for hook in recipe.hooks]
    assert said == {"etc/hostname": b"other\n", "usr/bin/greet": b"#!/bin/sh\necho hello\n"}
    assert hooks == [b"true\n", b"false\n"]


@pytest.mark.parametrize("name", ["recipe.toml", "files/usr/bin/greet", "hooks/10-first.sh"])
def test_a_change_of_the_other_recipe_makes_both_new(recipe_dir, key, name):
    """What is taken from it counts as if it were there; what is not taken does not count."""
    folder = extending(recipe_dir)
    before = recipe_hash(folder, key)
    (recipe_dir / "files/etc/hostname").write_text("changed\n")
    assert recipe_hash(folder, key) == before
    (recipe_dir / name).write_text((recipe_dir / name).read_text() + "# more\n")
    assert recipe_hash(folder, key) != before


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ('extends = "nobody"', 'there is no recipe "nobody" beside it to extend'),
        ('extends = "../recipe"', 'there is no recipe "../recipe" beside it'),
        ('extends = "other"', 'there is no recipe "other" beside it'),
        ("extends = 3", 'there is no recipe "3" beside it'),
        ('extends = "recipe"\nmemroy = 3', "unknown key memroy"),
    ],
)
def test_a_recipe_that_extends_what_it_cannot_says_so(recipe_dir, said, why):
    """One that is not there, is elsewhere or is itself, and a wrong setting in it."""
    folder = extending(recipe_dir, said)
    with pytest.raises(ConfigError, match=re.escape(why)) as error:
        load_recipe(folder)
    assert str(folder / "recipe.toml") in str(error.value)


def test_only_one_step_is_extended(recipe_dir):
    """A recipe that extends one that extends another is refused: nobody would find where a setting comes from."""
    extending(recipe_dir, 'extends = "recipe"')
    recipe = recipe_dir / "recipe.toml"
    recipe.write_text('extends = "other"\n' + recipe.read_text())
    with pytest.raises(ConfigError, match="other itself extends another"):
        load_recipe(recipe_dir)
