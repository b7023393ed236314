import io
import tarfile
from pathlib import Path

import pytest

from trainbot.core.errors import ConfigError
from trainbot.images.build.overlay import HOOKS, write_overlay
from trainbot.images.build.recipe import load_recipe, recipe_hash
from trainbot.images.build.rootfs import mmdebstrap

SHIPPED = Path(__file__).parents[3] / "images" / "debian"


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


def test_a_recipe_that_is_not_there_says_so(tmp_path):
    """A wrong folder is a ConfigError, not a traceback."""
    with pytest.raises(ConfigError, match="no recipe at"):
        load_recipe(tmp_path)


def test_the_shipped_recipe_keeps_its_promises():
    """Debian's lab can be read, boots with SE Linux, leaves console and mode to the host, and names no mirror."""
    recipe = load_recipe(SHIPPED)
    assert {"security=selinux", "selinux=1", "root=LABEL=debian"} <= set(recipe.cmdline.split())
    assert "console=" not in recipe.cmdline and "enforcing=" not in recipe.cmdline
    assert {"openssh-server", "selinux-policy-default", "auditd", "squid", "nginx-light"} <= set(recipe.packages)
    assert not any("://" in path.read_text() for path in SHIPPED.rglob("*") if path.is_file())


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
