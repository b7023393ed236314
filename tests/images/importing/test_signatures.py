"""Checksum files signed by GnuPG with keys made here: what is signed by the right key is read, everything else is refused."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.images.importing.signing import Signing
from trainbot.core.errors import BackendError, UserError
from trainbot.images.importing import signatures
from trainbot.images.importing.signatures import Signer, read_key, signed_text

SUMS = f"{'a' * 64}  disk.qcow2\n- dashes are escaped\ntrailing space \n".encode()
SIGNED = SUMS.replace(b"space ", b"space")  # RFC 9580, section 7: white space at the end of a line is not signed
BEGIN = b"-----BEGIN PGP SIGNED MESSAGE-----\n"


@pytest.fixture(scope="module")
def keys() -> Iterator[Signing]:
    """Of a distribution, of somebody else, one that has expired, one that was revoked, an old one (RSA)."""
    with tempfile.TemporaryDirectory(prefix="gpg-") as folder:
        made = Signing(Path(folder) / "home")
        for name in ("distro", "other", "withdrawn"):
            made.make(name)
        made.make("expired", until="20260201T000000")
        made.make("old", kind="rsa3072")
        yield made
        made.close()


def checked(keys: Signing, sums: bytes, signature: bytes | None = None, by: str = "distro") -> bytes:
    return signed_text(sums, signature, Signer(keys.public(by), keys.fingerprints[by]), "CHECKSUM")


def refused(keys: Signing, sums: bytes, signature: bytes | None = None, by: str = "distro") -> str:
    with pytest.raises(BackendError) as raised:
        checked(keys, sums, signature, by)
    assert "\n" not in str(raised.value) and str(raised.value).startswith("CHECKSUM ")
    return str(raised.value).removeprefix("CHECKSUM ").partition(":")[0]


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("by", ["distro", "old"])
def test_what_the_key_has_signed_is_read(keys: Signing, scratch: Path, by: str) -> None:
    """Clear-signed (Fedora) or with a detached signature, armored (AlmaLinux) or not; nothing stays behind."""
    assert checked(keys, keys.inline(SUMS, by), by=by) == SIGNED
    assert checked(keys, SUMS, keys.detached(SUMS, by), by=by) == SUMS
    assert checked(keys, SUMS, keys.detached(SUMS, by, how=("--armor",)), by=by) == SUMS
    assert list(scratch.iterdir()) == []


def test_a_key_file_may_have_any_usual_form(keys: Signing, tmp_path: Path) -> None:
    """Armored, binary, several in one file, with Windows' line ends, with text around it (as rpm's keys have)."""
    sums = keys.inline(SUMS, "distro")
    armored = keys.public("distro")
    forms = [
        armored,
        keys.public("distro", armored=False),
        keys.public("other", "distro"),
        keys.public("other") + armored,
        armored.replace(b"\n", b"\r\n"),
        b"The key of our distribution:\n\n" + armored + b"\nThat was it.\n",
        armored.replace(b"BLOCK-----\n", b"BLOCK-----\nComment: ours\n", 1),
    ]
    for form in forms:
        (tmp_path / "key").write_bytes(form)
        assert signed_text(sums, None, read_key(str(tmp_path / "key")), "CHECKSUM") == SIGNED


def test_windows_line_ends_are_the_same_text(keys: Signing) -> None:
    """A clear-signed message is text; what was signed is what comes out."""
    assert checked(keys, keys.inline(SUMS, "distro").replace(b"\n", b"\r\n")).replace(b"\r\n", b"\n") == SIGNED


def test_the_signature_of_somebody_else_is_refused(keys: Signing, scratch: Path) -> None:
    """With a key that we do not have, and with another one in the same file of keys."""
    both = Signer(keys.public("other", "distro"), keys.fingerprints["distro"])
    for sums, signature in ((keys.inline(SUMS, "other"), None), (SUMS, keys.detached(SUMS, "other"))):
        assert refused(keys, sums, signature) == "is signed with another key than the expected one"
        with pytest.raises(BackendError, match="another key than the expected one"):
            signed_text(sums, signature, both, "CHECKSUM")
    assert list(scratch.iterdir()) == []


def test_a_second_signature_does_no_harm(keys: Signing) -> None:
    """While a distribution changes its key, both may sign; one that we do not know is not counted against the other."""
    for names in (("distro", "other"), ("other", "distro")):
        assert checked(keys, SUMS, keys.detached(SUMS, *names)) == SUMS
        assert checked(keys, keys.inline(SUMS, *names)) == SIGNED


def test_two_signatures_of_which_one_is_bad_are_refused(keys: Signing) -> None:
    """Good for one text and bad for another: somebody has put them together."""
    together = keys.detached(SUMS, "distro") + keys.detached(b"something else", "distro")
    assert refused(keys, SUMS, together)


def test_what_was_changed_after_signing_is_refused(keys: Signing) -> None:
    """A single digit of a checksum is enough."""
    changed = "was changed after it was signed, or the signature belongs to another file"
    assert refused(keys, keys.inline(SUMS, "distro").replace(b"aaaa", b"aaab", 1)) == changed
    assert refused(keys, SUMS.replace(b"aaaa", b"aaab", 1), keys.detached(SUMS, "distro")) == changed
    assert refused(keys, SUMS + b"\n", keys.detached(SUMS, "distro")) == changed
    assert refused(keys, SUMS, keys.detached(b"", "distro")) == changed


@pytest.mark.parametrize(
    ("signature", "words"),
    [
        (b"", "is not signed"),
        (b"<html>404</html>", "is not signed"),
        (b"\0" * 500, "is not signed"),
        (b"-----BEGIN PGP SIGNATURE-----\n\ngarbage\n-----END PGP SIGNATURE-----\n", "is not signed"),
        (b"\x89\x01\x33" + b"\x04" * 300, "is not signed"),
    ],
)
def test_what_is_no_signature_is_refused(keys: Signing, signature: bytes, words: str) -> None:
    """Empty, a web page, rubbish with and without armor."""
    assert refused(keys, SUMS, signature) == words


def test_a_signature_that_was_cut_is_refused(keys: Signing) -> None:
    """Wherever the download ended."""
    whole, inline = keys.detached(SUMS, "distro"), keys.inline(SUMS, "distro")
    for end in (1, 3, 20, len(whole) // 2, len(whole) - 1):
        assert refused(keys, SUMS, whole[:end])
    for end in (10, 100, len(inline) // 2, len(inline) - 60, len(inline) - 10):
        assert refused(keys, inline[:end])


def test_what_is_not_signed_is_refused(keys: Signing) -> None:
    """A plain checksum file where a signed one has to be, a detached signature or a key in its place."""
    for sums in (SUMS, b"", b"<html>", keys.detached(SUMS, "distro", how=("--armor",)), keys.public("distro")):
        assert refused(keys, sums) == "is not signed"
    assert refused(keys, SUMS, keys.public("distro"))
    assert refused(keys, SUMS, SUMS) == "is not signed"


def test_a_key_that_has_expired_signs_nothing(keys: Signing) -> None:
    """Not even what it signed in its time: an old list of old images is no list of today's."""
    then = ("--faked-system-time", "20260115T000000")
    words = "is signed with a key that has expired"
    assert refused(keys, keys.inline(SUMS, "expired", how=then), by="expired") == words
    assert refused(keys, SUMS, keys.detached(SUMS, "expired", how=then), by="expired") == words


def test_a_key_that_was_revoked_signs_nothing(keys: Signing) -> None:
    """Its owner has said so."""
    sums = keys.inline(SUMS, "withdrawn")
    assert checked(keys, sums, by="withdrawn") == SIGNED
    keys.revoke("withdrawn")
    assert refused(keys, sums, by="withdrawn") == "is signed with a key that its owner has revoked"


def test_a_signature_that_has_expired_is_refused(keys: Signing) -> None:
    """It was meant for some days."""
    how = ("--faked-system-time", "20260115T000000", "--default-sig-expire", "3d")
    assert refused(keys, keys.inline(SUMS, "distro", how=how)) == "has a signature that has expired"


def test_a_key_of_the_future_signs_nothing(keys: Signing) -> None:
    """The clock here is behind, or somebody's was ahead."""
    keys.make("late", at="20990101T000000")
    sums = keys.inline(SUMS, "late", how=("--faked-system-time", "20990102T000000"))
    assert refused(keys, sums, by="late") == "has a signature that cannot be checked"


@pytest.mark.parametrize("digest", ["SHA1", "RIPEMD160"])
def test_a_weak_digest_is_refused(keys: Signing, digest: str) -> None:
    """Two files with the same SHA-1 can be made."""
    how = ("--digest-algo", digest, "--allow-weak-digest-algos")
    assert (
        refused(keys, SUMS, keys.detached(SUMS, "old", how=how), by="old")
        == "is signed over SHA-1 or MD5, which can be forged"
    )


def test_text_outside_of_the_signed_message_is_refused(keys: Signing) -> None:
    """Before it, after it, between two messages: nobody has signed it, and who looks for a checksum may find it there."""
    signed, evil = keys.inline(SUMS, "distro"), f"{'b' * 64}  disk.qcow2\n".encode()
    outside = "has text outside of its signed message, which nobody has signed"
    for text in (evil + signed, signed + evil, signed + signed, signed + b"\n" + evil):
        assert refused(keys, text) == outside
    assert refused(keys, b"\xef\xbb\xbf" + signed) == "is not signed"
    assert checked(keys, b"\n\n" + signed + b"\n \n") == SIGNED


def test_text_among_the_headers_is_refused(keys: Signing) -> None:
    """Between the first line and the empty one nothing is signed either."""
    evil = f"{'b' * 64}  disk.qcow2\n".encode()
    signed = keys.inline(SUMS, "distro")
    assert refused(keys, signed.replace(BEGIN, BEGIN + evil))


@pytest.mark.parametrize(
    "key",
    [
        b"",
        b"ssh-ed25519 AAAA",
        b"<html>",
        b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n%%%\n-----END PGP PUBLIC KEY BLOCK-----\n",
        b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmDMEZ",
    ],
)
def test_what_is_no_key_is_a_sentence(keys: Signing, tmp_path: Path, key: bytes) -> None:
    """Before anything is downloaded."""
    (tmp_path / "key").write_bytes(key)
    with pytest.raises(UserError, match="not an OpenPGP public key"):
        read_key(str(tmp_path / "key"))


def test_what_only_looks_like_a_key_lets_nothing_through(keys: Signing) -> None:
    """Bytes that could begin a key, a signature instead of one, half a key."""
    signed, binary = keys.inline(SUMS, "distro"), keys.public("distro", armored=False)
    for key in (b"\x99" * 400, keys.detached(SUMS, "distro"), binary[:40]):
        with pytest.raises(BackendError):
            signed_text(signed, None, Signer(key), "CHECKSUM")


def test_a_key_that_is_not_there(tmp_path: Path) -> None:
    """One sentence; a device is not read to its end."""
    with pytest.raises(UserError, match="cannot read the key"):
        read_key(str(tmp_path / "none"))
    with pytest.raises(UserError, match="too long to be a public key"):
        read_key("/dev/zero")


def test_keys_of_ones_own_do_not_count(keys: Signing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """gpgv's own file of trusted keys plays no part, wherever it lies."""
    (tmp_path / ".gnupg").mkdir(mode=0o700)
    (tmp_path / ".gnupg/trustedkeys.gpg").write_bytes(keys.public("other", armored=False))
    for name, value in (("HOME", tmp_path), ("GNUPGHOME", tmp_path / ".gnupg")):
        monkeypatch.setenv(name, str(value))
    assert refused(keys, keys.inline(SUMS, "other"))


def test_without_gpgv_nothing_is_believed(keys: Signing, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence says what to install; one that does not end is not waited for."""

    def missing(*words: object, **said: object) -> None:
        raise FileNotFoundError

    def endless(*words: object, **said: object) -> None:
        raise subprocess.TimeoutExpired("gpgv", 1)

    signed = keys.inline(SUMS, "distro")
    signer = Signer(keys.public("distro"), keys.fingerprints["distro"])
    for run, words in ((missing, "gpgv is not installed: apt install gpgv"), (endless, "gpgv did not finish within")):
        monkeypatch.setattr(signatures.subprocess, "run", run)
        with pytest.raises(BackendError, match=words):
            signed_text(signed, None, signer, "CHECKSUM")
