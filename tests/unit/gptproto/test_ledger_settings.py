"""The ledger in the extra of a connection: which texts name a folder."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_seedance.gptproto.errors import ConnectionSettingsError
from airflow_provider_seedance.gptproto.ledger_settings import read_ledger_settings


def uri_of(ledger: Any) -> str | None:
    settings = read_ledger_settings({"ledger": ledger})
    return None if settings is None else settings.uri


@pytest.mark.parametrize(
    ("ledger", "expected"),
    [
        (None, None),
        (" ", None),
        ("s3://bucket", "s3://bucket"),
        ("s3://bucket/", "s3://bucket"),
        ("s3://bucket/seedance/", "s3://bucket/seedance"),
        ("s3://aws_default@bucket/", "s3://aws_default@bucket"),
        (" file:///var/seedance\n", "file:///var/seedance"),
        ("file://store@/var/seedance//", "file://store@/var/seedance"),
        ("/x", "/x"),
    ],
)
def test_folder_is_kept_without_spaces_and_slashes_around_it(ledger: Any, expected: str | None) -> None:
    assert uri_of(ledger) == expected


@pytest.mark.parametrize(
    "ledger",
    ["/", "//", " / ", "file:", "file:/", "file:///", "file://store@/", "s3://", "s3:///", "s3://conn@"],
)
def test_uri_without_a_folder_is_refused_with_what_is_allowed(ledger: str) -> None:
    with pytest.raises(ConnectionSettingsError) as caught:
        uri_of(ledger)
    assert caught.value.what == (
        "ledger in the connection's extra names no folder; allowed: a folder, such as "
        "s3://aws_default@bucket/seedance or file:///var/seedance"
    )


@pytest.mark.parametrize("ledger", [5, False, ["s3://bucket/x"]])
def test_other_types_are_refused_with_what_is_allowed(ledger: Any) -> None:
    with pytest.raises(ConnectionSettingsError, match=r"is no text; allowed: a folder, such as s3://"):
        uri_of(ledger)
