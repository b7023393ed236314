"""Who signed a checksum file (OpenPGP, RFC 9580), checked with gpgv(1) against one key and nothing else.

gpgv's exit code alone is not believed: it is 0 for a key that has expired.  Its status lines are (GnuPG's doc/DETAILS).
"""

from __future__ import annotations

import base64
import binascii
import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from trainbot.core.errors import BackendError, UserError
from trainbot.core.text import one_line
from trainbot.images.build.command import environment, missing_program

_BEGIN, _END = "-----BEGIN PGP SIGNED MESSAGE-----", "-----END PGP SIGNATURE-----"
_KEY = re.compile(
    rb"^-----BEGIN PGP PUBLIC KEY BLOCK-----[ \t]*\r?\n(.*?)^-----END PGP PUBLIC KEY BLOCK-----",
    re.DOTALL | re.MULTILINE,
)
_STRONG = frozenset({"8", "9", "10", "12", "14"})  # RFC 9580, section 9.5: SHA2-256, -384, -512, SHA3-256, -512
_SECONDS = 60
_MOST = 1 << 20
_WRONG = {  # by gpgv's status, the worst first
    "BADSIG": "was changed after it was signed, or the signature belongs to another file: download both again",
    "REVKEYSIG": "is signed with a key that its owner has revoked: get the new key from them, and add --key",
    "EXPKEYSIG": "is signed with a key that has expired: get the new key from its owner, and add --key",
    "EXPSIG": "has a signature that has expired: download both again",
    "NO_PUBKEY": "is signed with another key than the expected one: do not use the image",
    "ERRSIG": "has a signature that cannot be checked: do not use the image, or first set this machine's clock if it is wrong",
}


@dataclass(frozen=True, slots=True)
class Signer:
    """``key``: public keys, armored or not; ``fingerprint``: the one that has to have signed, '' for any of them."""

    key: bytes
    fingerprint: str = ""


def read_key(file: str) -> Signer:
    """The signer whose public key is in that file; UserError if there is none."""
    try:
        with Path(file).open("rb") as opened:
            key = opened.read(_MOST + 1)
    except OSError as error:
        raise UserError(f"cannot read the key {file}: {error.strerror}") from None
    if len(key) > _MOST:
        raise UserError(f"{file} is too long to be a public key")
    _binary(key)
    return Signer(key)


def signed_text(sums: bytes, signature: bytes | None, by: Signer, name: str) -> bytes:
    """The content of the checksum file ``name`` as it was signed; BackendError if it was not.

    ``signature``: the detached signature, None if the file itself is a clear-signed message.
    """
    ring = _binary(by.key)
    if signature is None:
        _refuse_text_outside(sums, name)
    with tempfile.TemporaryDirectory(prefix="trainbot-gpgv-") as folder:
        work = Path(folder)
        (work / "key.gpg").write_bytes(ring)
        (work / "sums").write_bytes(sums)
        files = ["--output", str(work / "text"), str(work / "sums")]
        if signature is not None:
            (work / "signature").write_bytes(signature)
            files = [str(work / "signature"), str(work / "sums")]
        _judge(_gpgv(work, files, name), by.fingerprint, name)
        return sums if signature is not None else (work / "text").read_bytes()


def _gpgv(work: Path, files: list[str], name: str) -> list[list[str]]:
    """The status of each signature, as words of each line."""
    command = ["gpgv", "--homedir", str(work), "--keyring", str(work / "key.gpg"), "--status-fd", "1", *files]
    try:
        done = subprocess.run(command, capture_output=True, env=environment(), timeout=_SECONDS, check=False)
    except FileNotFoundError:
        raise BackendError(missing_program("gpgv")) from None
    except subprocess.TimeoutExpired:
        raise BackendError(
            f"the signature of {name} cannot be checked: gpgv did not finish within {_SECONDS} s"
        ) from None
    lines = done.stdout.decode("utf-8", "replace").splitlines()
    return [line.split()[1:] for line in lines if line.startswith("[GNUPG:] ")]


def _judge(status: list[list[str]], fingerprint: str, name: str) -> None:
    """Return if the key has signed it.  A second signature with a key that we do not have is no fault, as between two keys;
    any other trouble is."""
    said = {words[0]: words for words in reversed(status) if words}
    if not {"NEWSIG", *_WRONG} & set(said):
        raise BackendError(f"{name} is not signed: there is no signature that can be read")
    good = any(
        words[0] == "VALIDSIG" and len(words) > 10 and fingerprint in ("", words[10]) and words[8] in _STRONG
        for words in status
    )
    for wrong, text in _WRONG.items():
        if wrong in said and not (good and _unknown_key(wrong, status)):
            raise BackendError(f"{name} {text}")
    if "VALIDSIG" in said and not good and said["VALIDSIG"][8:9] and said["VALIDSIG"][8] not in _STRONG:
        raise BackendError(f"{name} is signed over SHA-1 or MD5, which can be forged: do not use the image")
    if not good or "GOODSIG" not in said or "ERROR" in said or "FAILURE" in said:
        raise BackendError(f"{name} {_WRONG['NO_PUBKEY']}")


def _unknown_key(wrong: str, status: list[list[str]]) -> bool:
    """Whether this trouble is no more than signatures with keys that we do not have (ERRSIG's reason 9)."""
    return wrong == "NO_PUBKEY" or (
        wrong == "ERRSIG" and all(words[6:7] == ["9"] for words in status if words and words[0] == "ERRSIG")
    )


def _refuse_text_outside(sums: bytes, name: str) -> None:
    """A clear-signed message has to be the whole file, and one message."""
    lines = [line.rstrip() for line in sums.decode("utf-8", "replace").strip().splitlines()]
    if _BEGIN not in lines:
        raise BackendError(f"{name} is not signed: there is no signed message in it")
    if (lines[0], lines[-1]) != (_BEGIN, _END) or lines.count(_BEGIN) != 1 or lines.count(_END) != 1:
        raise BackendError(f"{name} has text outside of its signed message, which nobody has signed")


def _binary(key: bytes) -> bytes:
    """Public keys as gpgv wants them; UserError if it is none."""
    if key[:1] and key[0] & 0x80:
        return key
    try:
        found = b"".join(base64.b64decode(_armored(block), validate=True) for block in _KEY.findall(key))
    except binascii.Error:
        found = b""
    if not found:
        raise UserError(f'not an OpenPGP public key: "{one_line(key, 40)}"')
    return found


def _armored(block: bytes) -> bytes:
    """The base64 in an armored block: after the headers and the empty line, up to the checksum."""
    _headers, _, body = block.replace(b"\r\n", b"\n").rpartition(b"\n\n") if b"\n\n" in block else (b"", b"", block)
    return b"".join(line.strip() for line in body.splitlines() if not line.startswith(b"="))
