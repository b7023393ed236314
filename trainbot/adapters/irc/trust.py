"""Which server certificate we trust, and which client certificate we present (RFC 5246, RFC 6125)."""

from __future__ import annotations

import hashlib
import hmac
import ssl

from trainbot.config.irc_login import login_problems
from trainbot.core.errors import ConfigError
from trainbot.model.config import IrcConfig


class UntrustedServer(OSError):
    """The server's certificate is not the one that bot.ini pins."""


def refuse_unsafe(config: IrcConfig) -> None:
    """Raises ConfigError if ``login_problems`` finds any problem, or if a certificate file cannot be used."""
    problems = [f"[irc] {option}: {what}" for option, what in login_problems(config)]
    if config.tls:
        try:
            tls_context(config)
        except (OSError, ValueError) as error:
            problems.append(f"[irc] tls: a certificate or key file cannot be used: {error}")
    if problems:
        raise ConfigError(problems)


def tls_context(config: IrcConfig) -> ssl.SSLContext:
    """Returns a context that verifies chain and name against the system's store or ``tls_ca_file``.  If a fingerprint
    is pinned, it alone decides (``verify_pin``): issuer, name and expiry do not matter.  Raises OSError or ssl.SSLError
    if a file is missing or invalid."""
    context = ssl.create_default_context(cafile=config.tls_ca_file or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if config.tls_fingerprint:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if config.tls_client_cert:
        context.load_cert_chain(config.tls_client_cert, config.tls_client_key or None, password=str)
    return context


def verify_pin(config: IrcConfig, certificate: bytes | None) -> None:
    """Raises UntrustedServer unless ``certificate`` (DER) has the SHA-256 that bot.ini pins, if any.  Must be called
    before anything is sent on a connection with TLS."""
    if not config.tls_fingerprint:
        return
    actual = hashlib.sha256(certificate or b"").hexdigest()
    if certificate is None or not hmac.compare_digest(actual, config.tls_fingerprint):
        raise UntrustedServer(f"the server's certificate is another one than tls_fingerprint: {actual}")
