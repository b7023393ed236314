"""Checks the login settings in [irc] before anything connects."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from trainbot.model.config import IrcConfig

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec

SASL_MECHANISMS = ("external", "scram-sha-256", "ecdsa-nist256p-challenge", "plain")
"""As bot.ini spells them; ``trainbot.adapters.irc.mechanisms`` implements each."""


def login_problems(config: IrcConfig) -> Iterator[tuple[str, str]]:
    """(option, problem) where the configured login is impossible, or would send the password unencrypted."""
    for name in config.sasl:
        if name not in SASL_MECHANISMS:
            yield "sasl", f'unknown mechanism "{name}" (known: {" ".join(SASL_MECHANISMS)})'
    passwords = [name for name in config.sasl if name in ("plain", "scram-sha-256")]
    if passwords and not (config.account and config.password):
        yield "sasl", f"{passwords[0]} needs account and password (or password_file, or password_env)"
    if config.nickserv and not config.password:
        yield "nickserv", "nickserv needs password (or password_file, or password_env)"
    if config.nickserv and config.sasl:
        yield "nickserv", "set sasl, or nickserv = yes for a network without SASL, but not both"
    if "external" in config.sasl and not (config.tls and config.tls_client_cert):
        yield "sasl", "external needs tls = yes and tls_client_cert"
    if "ecdsa-nist256p-challenge" in config.sasl:
        yield from _key_problems(config)
    if (config.password or config.server_password) and not config.tls and not config.allow_plaintext:
        yield "tls", "the password would be sent without TLS: set tls = yes, or allow_plaintext = yes"


def _key_problems(config: IrcConfig) -> Iterator[tuple[str, str]]:
    if not (config.account and config.ecdsa_key_file):
        yield "sasl", "ecdsa-nist256p-challenge needs account and ecdsa_key_file"
        return
    try:
        load_key(config.ecdsa_key_file.read_bytes())
    except OSError as error:
        yield "ecdsa_key_file", f"cannot read {config.ecdsa_key_file} ({error.strerror})"
    except ValueError as error:
        yield "ecdsa_key_file", f"{config.ecdsa_key_file} is {error}"


def load_key(pem: bytes) -> ec.EllipticCurvePrivateKey:
    """The EC key on P-256 in ``pem`` (without a passphrase); ValueError says what is wrong."""
    from cryptography.exceptions import UnsupportedAlgorithm  # few networks need it, and it takes 5 MiB
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(pem, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ValueError("not a PEM private key without a passphrase") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise ValueError("not an elliptic curve key on P-256 (prime256v1)")
    return key
