"""Which server certificate we trust, and which certificate we show (RFC 5246, RFC 6125)."""

from __future__ import annotations

import hashlib
import hmac
import ssl
from collections.abc import Iterator
from typing import TYPE_CHECKING

from trainbot.adapters.irc.mechanisms import MECHANISMS, load_key
from trainbot.core.errors import ConfigError

if TYPE_CHECKING:
    from trainbot.config import IrcConfig


class Untrusted(OSError):
    """The server is not the one that bot.ini pins."""


def login_problems(config: IrcConfig) -> Iterator[tuple[str, str]]:
    """(option, what is wrong) where logging in as configured is impossible, or would tell the password to everybody
    on the way."""
    for name in config.sasl:
        if name not in MECHANISMS:
            yield "sasl", f"{name!r} is not known; known are: {' '.join(MECHANISMS)}"
    passwords = [name for name in config.sasl if name in ("plain", "scram-sha-256")]
    if passwords and not (config.account and config.password):
        yield "sasl", f"{passwords[0]} needs account and password (or password_file, or password_env)"
    if config.nickserv and not config.password:
        yield "nickserv", "it needs a password (or password_file, or password_env)"
    if config.nickserv and config.sasl:
        yield "nickserv", "say either sasl, or nickserv = yes for a network that has none"
    if "external" in config.sasl and not (config.tls and config.tls_client_cert):
        yield "sasl", "external needs tls = yes and tls_client_cert"
    if "ecdsa-nist256p-challenge" in config.sasl:
        yield from _key_problems(config)
    if (config.password or config.server_password) and not config.tls and not config.allow_plaintext:
        yield "tls", "a password would go over a connection without TLS; say tls = yes, or allow_plaintext = yes"


def _key_problems(config: IrcConfig) -> Iterator[tuple[str, str]]:
    if not (config.account and config.ecdsa_key_file):
        yield "sasl", "ecdsa-nist256p-challenge needs account and ecdsa_key_file"
        return
    try:
        load_key(config.ecdsa_key_file.read_bytes())
    except OSError as error:
        yield "ecdsa_key_file", f"{config.ecdsa_key_file} cannot be read ({error.strerror})"
    except ValueError as error:
        yield "ecdsa_key_file", f"{config.ecdsa_key_file} is {error}"


def refuse_unsafe(config: IrcConfig) -> None:
    """Raises ConfigError where ``login_problems`` has some, or where a certificate file cannot be used."""
    problems = [f"[irc] {option}: {what}" for option, what in login_problems(config)]
    if config.tls:
        try:
            tls_context(config)
        except (OSError, ValueError) as error:
            problems.append(f"[irc] tls: a certificate or key file cannot be used: {error}")
    if problems:
        raise ConfigError(problems)


def tls_context(config: IrcConfig) -> ssl.SSLContext:
    """Verifies chain and name against the system's store or ``tls_ca_file``.  Where a fingerprint is pinned, it alone
    decides (``verify_pin``): whoever signed the certificate, for whatever name, expired or not.  Raises OSError or
    ssl.SSLError where a file is missing or wrong."""
    context = ssl.create_default_context(cafile=config.tls_ca_file or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if config.tls_fingerprint:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if config.tls_client_cert:
        context.load_cert_chain(config.tls_client_cert, config.tls_client_key or None, password=str)
    return context


def verify_pin(config: IrcConfig, certificate: bytes | None) -> None:
    """Raises Untrusted unless ``certificate`` (DER) has the SHA-256 that bot.ini pins, if any.
    Must be called before a word is said."""
    if not config.tls_fingerprint:
        return
    actual = hashlib.sha256(certificate or b"").hexdigest()
    if certificate is None or not hmac.compare_digest(actual, config.tls_fingerprint):
        raise Untrusted(f"the server's certificate is another one than tls_fingerprint: {actual}")
