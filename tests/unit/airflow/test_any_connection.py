"""Any Airflow connection becomes settings or raises ``ConnectionSettingsError``, and no error shows the key."""

from __future__ import annotations

import json
from unittest import mock

from airflow.sdk import Connection
from hypothesis import event, given
from hypothesis import strategies as st

from airflow_provider_seedance.gptproto.errors import ConnectionSettingsError
from airflow_provider_seedance.hooks.seedance import SeedanceHook
from tests.unit.gptproto.anything import JSON, mostly

KEY = "sk-needle-0123456789"
TEXT = st.none() | st.text()
FIELDS = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(["vendor", "auth_scheme", "timeout", "verify", "proxy", "polls_per_second"], JSON)
)


class TestAnyConnection:
    @given(
        login=TEXT,
        password=mostly(st.just(KEY), TEXT),
        host=mostly(st.sampled_from([None, "gptproto.com", "http://localhost:8765"]), TEXT),
        schema=mostly(st.sampled_from([None, "http"]), TEXT),
        port=mostly(st.none() | st.integers(1, 65_535), st.integers()),
        extra=mostly(FIELDS.map(json.dumps), JSON.map(json.dumps) | TEXT),
    )
    def test_connection_becomes_settings_or_is_refused(
        self,
        login: str | None,
        password: str | None,
        host: str | None,
        schema: str | None,
        port: int | None,
        extra: str | None,
    ) -> None:
        connection = Connection(
            conn_id="seedance_default",
            conn_type="seedance",
            login=login,
            password=password,
            host=host,
            schema=schema,
            port=port,
            extra=extra,
        )
        refusal: ConnectionSettingsError | None = None
        with mock.patch.object(SeedanceHook, "get_connection", return_value=connection):
            try:
                settings = SeedanceHook().get_settings()
            except ConnectionSettingsError as error:
                refusal = error
            else:
                assert settings.api_key
                assert settings.timeout > 0
        event("refused" if refusal else "accepted")
        assert KEY not in f"{refusal}"
