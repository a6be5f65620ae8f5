"""Any connection is either refused without showing its secrets, or a client can be made of it."""

from __future__ import annotations

import json
import traceback
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from airflow_provider_seedance.gptproto.client import GPTProtoClient
from airflow_provider_seedance.gptproto.errors import ConnectionSettingsError
from airflow_provider_seedance.gptproto.settings import ClientSettings, read_settings
from tests.unit.gptproto.anything import JSON, mostly
from tests.unit.gptproto.conftest import KEY, REQUEST, answer

SECRET = "hunter2-needle"
PASSWORDS = st.sampled_from([None, "", "Bearer", f"Bearer {KEY}", f" {KEY}\n", KEY, f"{KEY}\0", f"{KEY} é"]) | st.text()
HOSTS = (
    st.none()
    | st.text()
    | st.text("htps:/.[]@%?#ab1\\ ", max_size=12)
    | st.sampled_from(
        [
            *("gptproto.com", "localhost:8080", "http://localhost:8080/gateway/", "[::1]:8080", "::1", "https://[::1"),
            *(f"https://user:{SECRET}@gptproto.com", f"https://gptproto.com?key={SECRET}", f"https://[{SECRET}"),
            *(
                "bücher.example",
                "xn--",
                "a" * 70 + ".example",
                "a..b",
                "https://gptproto.com:99999",
                "http://1.2.3.4.5",
            ),
            *(
                "gptproto.com/a b",
                "gptproto.com/\x7f",
                "gptproto.com/%",
                "gptproto.com\\@evil.example",
                "\uff10.example",
            ),
        ]
    )
)
PROXIES = st.sampled_from(
    [
        *(
            "http://proxy.example:3128",
            "socks5://proxy.example",
            "https://[::1",
            "proxy.example",
            "ftp://proxy.example",
        ),
        *(f"http://user:{SECRET}@proxy.example:3128", f"http://user:{SECRET}@proxy.example:port", f"http://{SECRET}@"),
        *(f"socks5h://user:{SECRET}@proxy.example", f"http://us er:{SECRET}@proxy.example", "http://\0"),
    ]
)
EXTRAS = st.fixed_dictionaries(
    {},
    optional={
        "vendor": mostly(st.sampled_from(["bytedance", "doubao", "a/b", "..", ""]), JSON),
        "auth_scheme": mostly(st.sampled_from(["Bearer", "two words", "Bearer\n", ""]), JSON),
        "timeout": mostly(st.sampled_from([1, 0.5, "30", 0, -1, "nan", "1e400", 1e-300, 1e300]), JSON),
        "verify": mostly(st.sampled_from([True, "false", "/does/not/exist.pem", "\0", "", "/dev/null"]), JSON),
        "proxy": mostly(PROXIES, JSON),
        "ledger": mostly(st.sampled_from(["s3://bucket/x", "file:///srv/x", "", "s3://", "/", "\0"]), JSON),
        "daily_budget_usd": mostly(st.sampled_from([5, "0.5", 0, -1, "nan", "inf", 1e300, True, "1e400"]), JSON),
        "budget_timezone": mostly(
            st.sampled_from(["UTC", "Europe/Berlin", "Mars/Base", "../x", "\0", "x" * 300]), JSON
        ),
        "polls_per_second": mostly(st.sampled_from([20, "0.5", 0, "inf", 1e-300]), JSON),
    },
)


def log_text(error: BaseException) -> str:
    """Return all that a task log shows of an error, including its causes."""
    return "".join(traceback.format_exception(error)) + repr(vars(error))


class TestConnection:
    @pytest.mark.usefixtures("start_loopback")  # This fixture removes the proxy of the environment.
    @given(
        password=mostly(st.just(KEY), PASSWORDS),
        host=mostly(st.just("gptproto.com"), HOSTS) | HOSTS,
        schema=mostly(st.sampled_from([None, "https", "http", "https://", ""]), st.just("ftp") | st.text()),
        port=st.none() | st.integers(-1, 70_000),
        extra=EXTRAS | st.dictionaries(st.text(), JSON),
    )
    def test_any_connection_is_refused_or_makes_a_client(
        self, password: str | None, host: str | None, schema: str | None, port: int | None, extra: dict[str, Any]
    ) -> None:
        try:
            settings = read_settings(password=password, host=host, schema=schema, port=port, extra=extra)
            GPTProtoClient(settings).close()
        except ConnectionSettingsError as error:
            refusal = error
        else:
            event("accepted")
            assert SECRET not in repr(settings)
            assert_key_is_sent_to_the_host_only(settings)
            return
        event("refused")
        assert KEY not in log_text(refusal)
        assert SECRET not in log_text(refusal)
        json.dumps(refusal.to_dict(), ensure_ascii=False, allow_nan=False).encode()


def assert_key_is_sent_to_the_host_only(settings: ClientSettings) -> None:
    requests: list[httpx.Request] = []

    def respond(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return answer().to_response()

    with GPTProtoClient(settings, transport=httpx.MockTransport(respond)) as client:
        client.submit(REQUEST)
    (request,) = requests
    base = urlsplit(settings.base_url)
    assert (request.url.scheme, request.url.port) == (base.scheme, base.port)
    assert (
        request.url.raw_host.decode().removeprefix("[").removesuffix("]")
        == httpx.URL(settings.base_url).raw_host.decode()
    )
    assert request.headers["authorization"] == settings.authorization
    if settings.api_key == KEY:
        assert [name for name, value in request.headers.items() if KEY in value] == ["authorization"]
    assert request.url.path.endswith(f"/api/v3/{settings.vendor}/{REQUEST.model}/text-to-video")
