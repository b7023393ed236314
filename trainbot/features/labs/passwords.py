"""Lab passwords: generated here, sent once over IRC, stored only as a digest.

Why a fast keyed hash and not a slow one (bcrypt, scrypt, argon2): slow hashing protects passwords that people chose,
because those can be guessed from a list.  Ours are 80 random bits, and nobody can make 2^80 guesses; a slow hash would
only let an attacker who guesses passwords use up the gateway's CPU.  The key (pepper) is not in the database, so a
stolen database alone does not even tell whether a guess is right.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import unicodedata
from pathlib import Path

from trainbot.core.errors import BackendError
from trainbot.core.files import make_once

# Crockford's base 32: no i, l, o (read as 1, 1, 0 when typed) and no u.
ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
GROUPS, GROUP = 4, 4  # 16 characters of 5 bits: 80 bits
LONGEST = 128  # characters that are read: normalising takes time quadratic in the number of combining marks
_READ_AS = str.maketrans("ilo", "110")
_LABEL = "password".translate(_READ_AS)


def new_password() -> str:
    """Four groups of four, ``k3vd-91mx-q0ta-7hzc``: 80 bits from the system's random source."""
    return "-".join("".join(secrets.choice(ALPHABET) for _ in range(GROUP)) for _ in range(GROUPS))


def normalise(password: str) -> str:
    """The password as it was meant: case, spaces, dashes of any kind, and letters that look like digits make no
    difference, nor does the word before it in the message that it came in."""
    folded = unicodedata.normalize("NFKC", password[:LONGEST]).casefold()
    kept = (c for c in folded if not (c.isspace() or unicodedata.category(c) in ("Pd", "Cf", "Cc")))
    read = "".join(kept).translate(_READ_AS)
    alone = read.removeprefix(_LABEL).removeprefix(":")
    return alone if len(alone) == GROUPS * GROUP else read


def digest(pepper: bytes, password: str) -> str:
    """The HMAC-SHA-256 (RFC 2104) of the normalised password, in hex.  Any string has one."""
    return hmac.new(pepper, normalise(password).encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()


def key_code(pepper: bytes, person: int, key: str) -> str:
    """The user name with which ``person`` confirms ``key``: six characters.  It is short because it opens nothing without
    a signature by that very key."""
    made = hmac.new(pepper, f"key {person} {key}".encode(), hashlib.sha256).digest()
    return "".join(ALPHABET[byte % len(ALPHABET)] for byte in made[:6])


def same(one: str, other: str) -> bool:
    """Whether two digests are equal, in a time that does not reveal where they differ."""
    return hmac.compare_digest(one.encode("utf-8", "surrogatepass"), other.encode("utf-8", "surrogatepass"))


def load_or_make_secret(path: Path, size: int = 32) -> bytes:
    """The random secret of ``size`` bytes stored in ``path`` (mode 0600), created the first time.

    Raises BackendError if the file exists but is not a valid secret: a new one would make every password wrong.
    """
    try:
        secret = path.read_bytes() if path.exists() else make_once(path, secrets.token_bytes(size))
    except OSError as error:
        raise BackendError(f"the secret {path} cannot be read or made: {error.strerror}") from None
    if len(secret) != size:
        raise BackendError(
            f"the secret {path} has {len(secret)} bytes instead of {size}: restore it, or remove it "
            "and every lab password has to be asked for again"
        )
    return secret
