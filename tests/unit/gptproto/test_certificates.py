"""The errors of certificates: which ones say how to trust the CA of a network."""

from __future__ import annotations

import httpx
import pytest

from airflow_provider_seedance.gptproto.errors import NotConnectedError
from tests.unit.gptproto.conftest import Exchange

#: OpenSSL's texts, from https://github.com/apache/airflow/issues/53493, https://github.com/encode/httpx/issues/376 and
#: https://github.com/apache/airflow-client-python/issues/45.
UNTRUSTED = (
    "self-signed certificate",
    "self-signed certificate in certificate chain",
    "self signed certificate in certificate chain",
    "unable to get local issuer certificate",
    "unable to get issuer certificate",
)
#: No other CA helps with these.
OTHERS = (
    "certificate has expired",
    "Hostname mismatch, certificate is not valid for 'gptproto.example'",
    "IP address mismatch",
)


def error_of(exchange: Exchange, text: str) -> NotConnectedError:
    failed = f"[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: {text} (_ssl.c:1010)"
    exchange.will_answer(httpx.ConnectError(failed))
    with pytest.raises(NotConnectedError) as caught:
        exchange.submit()
    assert failed in caught.value.what
    return caught.value


@pytest.mark.parametrize("text", UNTRUSTED)
def test_error_of_an_untrusted_authority_says_where_to_set_it(exchange: Exchange, text: str) -> None:
    what = error_of(exchange, text).what
    assert "verify in the connection's extra" in what
    assert "SSL_CERT_FILE" in what
    assert "REQUESTS_CA_BUNDLE is not read" in what


@pytest.mark.parametrize("text", OTHERS)
def test_error_of_a_wrong_certificate_names_no_authority(exchange: Exchange, text: str) -> None:
    assert "SSL_CERT_FILE" not in error_of(exchange, text).what
