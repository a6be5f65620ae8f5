"""
Advice for certificates that are not trusted: OpenSSL's text says what failed, not what to set.

Many networks inspect TLS with a CA of their own, and most tasks of Airflow know it from ``REQUESTS_CA_BUNDLE``, which
httpx does not read.
"""

from __future__ import annotations

import re

#: OpenSSL's texts for a certificate without a trusted CA. An expired one, or one of another host, needs no other CA.
_UNTRUSTED = re.compile(r"self.signed certificate|unable to get (local )?issuer certificate", re.IGNORECASE)
_ADVICE = (
    ". To trust the CA of your network, set verify in the connection's extra, or the environment variable "
    "SSL_CERT_FILE, to the path of its bundle; REQUESTS_CA_BUNDLE is not read"
)


def ca_advice(reason: str) -> str:
    """Return what to add to the reason of a failed connection; empty if no other CA would help."""
    return _ADVICE if _UNTRUSTED.search(reason) else ""
