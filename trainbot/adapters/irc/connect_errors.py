"""Why a connection to an IRC server failed, in words."""

from __future__ import annotations

import os
import ssl


def in_words(error: OSError) -> str:
    """Says what went wrong and what to do, without the numbers and tuples that asyncio and OpenSSL put first."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"the server's certificate is not trusted ({error.verify_message.rstrip('.')}): if it is right all the same, "
            "set [irc] tls_ca_file or tls_fingerprint"
        )
    if isinstance(error, ssl.SSLError):
        known = {
            "WRONG_VERSION_NUMBER": "the server does not speak TLS at this port: correct [irc] port, or set tls = no",
            "TLSV13_ALERT_CERTIFICATE_REQUIRED": "the server requires a client certificate: set [irc] tls_client_cert",
        }
        return known.get(error.reason or "", f"TLS failed ({(error.reason or str(error)).lower().replace('_', ' ')})")
    if isinstance(error, TimeoutError) and not error.errno:
        return "the server does not answer in time: check that it is up, and that [irc] port fits tls = yes or no"
    if (error.errno or 0) > 0:
        return os.strerror(error.errno or 0).lower()
    return error.strerror or str(error) or type(error).__name__
