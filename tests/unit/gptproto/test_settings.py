"""Client settings from the fields of an Airflow connection."""

from __future__ import annotations

import traceback
from typing import Any, ClassVar

import pytest

from airflow_provider_seedance.gptproto.errors import ConnectionSettingsError
from airflow_provider_seedance.gptproto.settings import ClientSettings, read_settings

KEY = "sk-0123456789abcdef"


def read(
    *,
    password: str | None = KEY,
    host: str | None = None,
    schema: str | None = None,
    port: int | None = None,
    **extra: Any,
) -> ClientSettings:
    return read_settings(password=password, host=host, schema=schema, port=port, extra=extra)


def refusal(**fields: Any) -> str:
    """Return the error message, and check that the traceback, which a task log shows, has no key."""
    with pytest.raises(ConnectionSettingsError) as caught:
        read(**fields)
    assert KEY not in "".join(traceback.format_exception(caught.value))
    return caught.value.what


class TestBaseUrl:
    @pytest.mark.parametrize(
        ("host", "schema", "port", "base_url"),
        [
            (None, None, None, "https://gptproto.com"),
            ("", "", None, "https://gptproto.com"),
            ("  ", None, None, "https://gptproto.com"),
            (None, "http", 8080, "http://gptproto.com:8080"),
            ("gptproto.com", None, None, "https://gptproto.com"),
            (" gptproto.com ", None, None, "https://gptproto.com"),
            ("gptproto.com/", None, None, "https://gptproto.com"),
            ("gptproto.com", "http", None, "http://gptproto.com"),
            ("gptproto.com", " HTTP:// ", None, "http://gptproto.com"),
            ("10.0.0.5:8000", "http:", None, "http://10.0.0.5:8000"),
            ("10.0.0.5:8000", " ", None, "https://10.0.0.5:8000"),
            ("http://http:8000", None, None, "http://http:8000"),
            ("https.example", None, None, "https://https.example"),
            ("gptproto.com", None, 8443, "https://gptproto.com:8443"),
            ("localhost:8080", "http", None, "http://localhost:8080"),
            ("localhost:8080", "http", 9090, "http://localhost:8080"),
            ("localhost:", "http", None, "http://localhost"),
            ("localhost:", "http", 9090, "http://localhost:9090"),
            ("localhost:8080/gateway/", None, None, "https://localhost:8080/gateway"),
            ("https://gptproto.com", None, None, "https://gptproto.com"),
            ("HTTPS://gptproto.com", None, None, "https://gptproto.com"),
            ("https://gptproto.com/gateway/seedance/", None, None, "https://gptproto.com/gateway/seedance"),
            ("https://gptproto.com//", None, None, "https://gptproto.com"),
            ("https://HOST-X:/X/", None, None, "https://HOST-X/X"),
            ("https://gptproto.com:443", None, None, "https://gptproto.com"),
            ("http://localhost:80/gateway", None, 9090, "http://localhost/gateway"),
            ("https://[::1]:443", None, None, "https://[::1]"),
            ("http://localhost:443", None, None, "http://localhost:443"),
            ("http://localhost", "https", None, "http://localhost"),
            ("http://localhost/gateway", None, 8080, "http://localhost:8080/gateway"),
            ("http://localhost:8080", "https", 9090, "http://localhost:8080"),
            ("127.0.0.1", "http", 8080, "http://127.0.0.1:8080"),
            ("::1", "http", None, "http://[::1]"),
            ("::1", "http", 8080, "http://[::1]:8080"),
            ("[::1]", "http", 8080, "http://[::1]:8080"),
            ("[::1]:8080", "http", None, "http://[::1]:8080"),
            ("http://[2001:db8::1]:8080/gateway", None, 9090, "http://[2001:db8::1]:8080/gateway"),
            ("my_service.internal-net", None, None, "https://my_service.internal-net"),
            ('"https://gptproto.com/"', None, None, "https://gptproto.com"),
            (" 'gptproto.com' ", None, 8443, "https://gptproto.com:8443"),
            ("`localhost:8080`", "http", None, "http://localhost:8080"),
            ('""', None, None, "https://gptproto.com"),
            # A gateway's own path may have a version in it.
            ("https://gateway.example/v1/account/gptproto", None, None, "https://gateway.example/v1/account/gptproto"),
            ("https://gateway.example/v1beta", None, None, "https://gateway.example/v1beta"),
            ("https://gateway.example/api", None, None, "https://gateway.example/api"),
            ("https://gateway.example/dev1", None, None, "https://gateway.example/dev1"),
            ("https://gateway.example/api/v30/x", None, None, "https://gateway.example/api/v30/x"),
            ("https://v1", None, None, "https://v1"),
        ],
    )
    def test_base_url_is_built(self, host: str | None, schema: str | None, port: int | None, base_url: str) -> None:
        assert read(host=host, schema=schema, port=port).base_url == base_url

    @pytest.mark.parametrize("port", [1, 65_535])
    def test_lowest_and_highest_port_are_accepted(self, port: int) -> None:
        assert read(host="gptproto.com", port=port).base_url == f"https://gptproto.com:{port}"

    @pytest.mark.parametrize("port", [-1, 65_536])
    def test_port_out_of_range_is_refused(self, port: int) -> None:
        assert refusal(host="gptproto.com", port=port) == f"The connection's port is {port}; allowed: 1 to 65535"

    def test_port_of_the_host_overrides_the_port_field(self) -> None:
        assert read(host="gptproto.com:8443", port=65_536).base_url == "https://gptproto.com:8443"

    @pytest.mark.parametrize(
        "host",
        [
            "https://",
            "/",
            "https:///gateway",
            "gptproto.com:port",
            "https://gptproto.com:99999",
            "https://[::1",
            "::1/gateway",
            "::12345",
            "gpt proto.com",
            "https://gptproto.com?region=eu",
            "https://gptproto.com#top",
            "https://sk-another-key@gptproto.com",
            "https://user:sk-another-key@gptproto.com",
            "https://gptproto.com:sk-another-key",
            "gptproto.com:sk-another-key",
            "https://@gptproto.com",
            "http:10.0.0.5:8000",
            "http:/10.0.0.5:8000",
            "HTTP//10.0.0.5:8000",
            "https/gptproto.com",
            "//10.0.0.5:8000",
        ],
    )
    def test_invalid_base_url_is_refused(self, host: str) -> None:
        assert refusal(host=host) == (
            "The connection's host is not a base URL; allowed: a host, a host with a port, or a URL such as "
            "https://gptproto.com or http://127.0.0.1:8000, without user, query or fragment"
        )

    @pytest.mark.parametrize(
        ("host", "added", "base_url"),
        [
            ("https://gptproto.com/v1", "/v1", "https://gptproto.com"),
            ("https://gptproto.com/v1/", "/v1", "https://gptproto.com"),
            ("gptproto.com/v1", "/v1", "https://gptproto.com"),
            ("gptproto.com/api/v3", "/api/v3", "https://gptproto.com"),
            ("gptproto.com/api/v1", "/api/v1", "https://gptproto.com"),
            ("https://gptproto.com/v1beta/v2", "/v2", "https://gptproto.com/v1beta"),
            ("https://gptproto.com/v1/models", "/v1", "https://gptproto.com"),
            ("https://gptproto.com/v1/chat/completions", "/v1", "https://gptproto.com"),
            ("https://gptproto.com/api/v3/predictions/4f0a9c1e/result", "/api/v3", "https://gptproto.com"),
            (
                "https://gptproto.com/api/v3/bytedance/seedance-2-0/text-to-video",
                "/api/v3",
                "https://gptproto.com",
            ),
            ("http://localhost:8080/gateway/api/v3/", "/api/v3", "http://localhost:8080/gateway"),
            ('"https://gptproto.com:443/v1"', "/v1", "https://gptproto.com"),
        ],
    )
    def test_path_of_the_api_is_refused_with_the_host_to_enter(self, host: str, added: str, base_url: str) -> None:
        assert refusal(host=host) == (
            f"The connection's host has the path {added} of the API, which the client adds itself; enter {base_url}"
        )
        assert read(host=base_url).base_url == base_url

    @pytest.mark.parametrize(("host", "schema"), [("ftp://gptproto.com", None), ("gptproto.com", "ftp"), (None, "ftp")])
    def test_other_scheme_is_refused(self, host: str | None, schema: str | None) -> None:
        what = "The connection's scheme is 'ftp'; allowed: http or https"
        assert refusal(host=host, schema=schema) == what

    @pytest.mark.parametrize("schema", ["gptproto.com", "https,http", "tls"])
    def test_scheme_field_that_is_no_scheme_is_named(self, schema: str) -> None:
        what = f"The connection's scheme is '{schema}'; allowed: http or https"
        assert refusal(host="10.0.0.5:8000", schema=schema) == what

    @pytest.mark.parametrize(
        ("host", "in_the_clear"),
        [
            ("https://gptproto.com", False),
            ("http://gptproto.com", True),
            ("http://localhost:8080", False),
            ("http://127.0.0.1:8080", False),
            ("http://[::1]:8080", False),
            ("http://localhost.example.com", True),
        ],
    )
    def test_unencrypted_key_is_detected(self, host: str, in_the_clear: bool) -> None:
        assert read(host=host).sends_key_in_the_clear is in_the_clear


class TestKey:
    @pytest.mark.parametrize("password", [KEY, f" {KEY}\n", f"Bearer {KEY}", f"bearer   {KEY}", f" BEARER\t{KEY} "])
    def test_key_is_sent_without_a_scheme(self, password: str) -> None:
        assert read(password=password).authorization == KEY

    @pytest.mark.parametrize("password", [KEY, f"Bearer {KEY}"])
    @pytest.mark.parametrize("scheme", ["Bearer", " Bearer "])
    def test_auth_scheme_precedes_the_key_once(self, password: str, scheme: str) -> None:
        assert read(password=password, auth_scheme=scheme).authorization == f"Bearer {KEY}"

    @pytest.mark.parametrize(
        "quotes", ['""', "''", "``", "\u201c\u201d", "\u2018\u2019", "\u201e\u201c", "\u00ab\u00bb"]
    )
    @pytest.mark.parametrize("before", ["", "Bearer ", "Authorization: ", "authorization: bearer "])
    def test_quotation_marks_and_header_around_the_key_are_removed(self, quotes: str, before: str) -> None:
        first, last = quotes[0], quotes[1]

        for password in (
            f"{first}{before}{KEY}{last}",
            f"{before}{first}{KEY}{last}",
            f" {first} {before}{KEY} {last}\n",
            f"{before}{KEY}{last}",
            f"\u00a0{first}{first}{before}{KEY}{last}{last}",
        ):
            assert read(password=password).authorization == KEY

    def test_key_may_end_with_other_punctuation(self) -> None:
        # Base64 text ends with "=".
        assert read(password='"sk-+/._~=="').api_key == "sk-+/._~=="

    def test_key_that_starts_like_the_scheme_is_unchanged(self) -> None:
        assert read(password="bearer-0123").api_key == "bearer-0123"

    @pytest.mark.parametrize(
        "password", [None, "", "  ", "Bearer", "Bearer ", '""', "'Bearer '", "Authorization:", "\u201d"]
    )
    def test_missing_key_is_refused(self, password: str | None) -> None:
        assert refusal(password=password) == "The connection has no API key: its password field is empty"

    @pytest.mark.parametrize(
        "password",
        [
            f"{KEY} {KEY}",
            f"{KEY}\nX-Injected: 1",
            f"{KEY}ä",
            f"Basic {KEY}",
            f'{KEY}","{KEY}',
            f"key='{KEY}'",
            f'{{"key":"{KEY}"}}',
            f"{KEY}`{KEY}",
        ],
    )
    def test_key_with_invalid_header_characters_is_refused(self, password: str) -> None:
        what = "The API key (the connection's password) has spaces, quotation marks or special characters"
        assert refusal(password=password) == what


class TestExtra:
    def test_empty_extra_gives_the_defaults(self) -> None:
        settings = read()

        assert settings == ClientSettings(api_key=KEY)
        assert settings.vendor == "bytedance"
        assert settings.auth_scheme == ""
        assert settings.timeout > 0
        assert settings.verify is True
        assert settings.proxy is None

    @pytest.mark.parametrize("name", ["vendor", "auth_scheme", "timeout", "verify", "proxy", "polls_per_second"])
    @pytest.mark.parametrize("empty", [None, ""])
    def test_empty_extra_field_gives_the_default(self, name: str, empty: Any) -> None:
        assert read(**{name: empty}) == read()

    @pytest.mark.parametrize("vendor", ["doubao", " doubao "])
    def test_vendor_is_stripped(self, vendor: str) -> None:
        assert read(vendor=vendor).vendor == "doubao"

    @pytest.mark.parametrize("extra", [[], "", "vendor", 5, None])
    def test_extra_that_is_no_object_is_refused(self, extra: object) -> None:
        with pytest.raises(ConnectionSettingsError, match=r"^The connection's extra is not a JSON object"):
            read_settings(password=KEY, host=None, schema=None, port=None, extra=extra)

    @pytest.mark.parametrize("vendor", ["a/b", "../admin", "byte dance", "?", "..", ["bytedance"]])
    def test_vendor_that_is_no_path_segment_is_refused(self, vendor: object) -> None:
        what = f"vendor in the connection's extra is {str(vendor)!r}; allowed: one path segment"
        assert refusal(vendor=vendor) == what

    @pytest.mark.parametrize("scheme", ["Bearer x", "Bearer:", "X\nY"])
    def test_auth_scheme_that_is_no_word_is_refused(self, scheme: str) -> None:
        what = "auth_scheme in the connection's extra is not one word such as Bearer"
        assert refusal(auth_scheme=scheme) == what

    @pytest.mark.parametrize(("value", "rate"), [(5, 5.0), ("0.5", 0.5)])
    def test_polls_per_second_is_a_number(self, value: object, rate: float) -> None:
        assert read(polls_per_second=value).polls_per_second == rate

    @pytest.mark.parametrize("value", [0, "-1", True, "many", "inf"])
    def test_invalid_polls_per_second_is_refused(self, value: object) -> None:
        what = f"polls_per_second in the connection's extra is {value!r}; allowed: a number above 0"
        assert refusal(polls_per_second=value) == what

    @pytest.mark.parametrize(
        ("value", "seconds"), [(30, 30.0), (0.5, 0.5), ("30", 30.0), (" 2.5 ", 2.5), (86_400, 86_400.0)]
    )
    def test_timeout_is_a_number(self, value: object, seconds: float) -> None:
        assert read(timeout=value).timeout == seconds

    @pytest.mark.parametrize(
        "value",
        [
            *(0, -1, float("inf"), True, [60], {"connect": 5}),
            *("0", "soon", "60s", "nan", "inf"),
            *(86_401, 1e10),  # a socket rejects the second one only after it is connected
            pytest.param(10**400, id="a number of hundreds of digits"),
        ],
    )
    def test_invalid_timeout_is_refused(self, value: object) -> None:
        what = f"timeout in the connection's extra is {value!r}; allowed: seconds above 0, up to a day"
        assert refusal(timeout=value) == what

    @pytest.mark.parametrize(
        ("value", "verify"),
        [
            (True, True),
            (False, False),
            ("true", True),
            ("False", False),
            (" false ", False),
            ("  ", True),
            ("certificates/company.pem", "certificates/company.pem"),
            (" company.pem ", "company.pem"),
        ],
    )
    def test_verify_is_a_boolean_or_a_path(self, value: object, verify: object) -> None:
        assert read(verify=value).verify == verify

    @pytest.mark.parametrize("value", [0, 1, 0.0, ["company.pem"]])
    def test_verify_of_another_type_is_refused(self, value: object) -> None:
        what = f"verify in the connection's extra is {value!r}; allowed: true, false or the path of a CA bundle"
        assert refusal(verify=value) == what

    @pytest.mark.parametrize(
        "proxy",
        ["http://proxy.example:3128", "https://user:secret@proxy.example", "socks5h://[::1]:1080", "socks5://[::1]"],
    )
    def test_proxy_is_a_url(self, proxy: str) -> None:
        assert read(proxy=f" {proxy} ").proxy == proxy

    @pytest.mark.parametrize(
        "proxy",
        [
            "proxy.example:3128",
            "ftp://proxy.example",
            "http://",
            "http://[::1",
            "http://user:secret@proxy.example:port",
            3128,
            ["http://proxy.example"],
        ],
    )
    def test_invalid_proxy_is_refused_without_its_password(self, proxy: object) -> None:
        what = "proxy in the connection's extra is not a URL such as http://proxy.example:3128"
        assert refusal(proxy=proxy) == what


class TestSecrets:
    def test_repr_has_no_key_and_no_proxy_password(self) -> None:
        settings = read(proxy="http://user:secret@proxy.example:3128", auth_scheme="Bearer")

        assert KEY not in f"{settings!r}{settings}"
        assert "secret" not in f"{settings!r}{settings}"


class TestMisplacedKey:
    """A key in another field is not repeated in an error: a task's log has more readers than the connection."""

    FORMS: ClassVar[dict[str, str]] = {
        "host": "{}",
        "schema": "{}",
        "vendor": "{}",
        "auth_scheme": "Bearer {}",
        "timeout": "{}",
        "verify": "{}",
        "proxy": "http://user:{}@proxy.example:3128",
        "polls_per_second": "{}",
        "note": "the key is {}",
    }

    @pytest.mark.parametrize("name", FORMS)
    @pytest.mark.parametrize("key", [KEY, "Zq9.Xw7/Lm3", "12345678"])
    def test_key_of_the_connection_is_refused_in_another_field(self, name: str, key: str) -> None:
        assert refusal(password=key, **{name: self.FORMS[name].format(key)}) == (
            f"The connection's {name} contains the API key, which belongs in the password field only; its value is not "
            "shown here"
        )

    def test_key_is_found_in_nested_values_and_numbers(self) -> None:
        assert "The connection's vendor contains" in refusal(vendor=[{"of": KEY}])
        both = refusal(password="12345678", port=12345678, timeout=12345678.0)
        assert "The connection's port and timeout contains" in both

    @pytest.mark.parametrize("name", ["schema", "vendor", "timeout", "verify", "polls_per_second"])
    def test_other_key_is_redacted(self, name: str) -> None:
        other = "sk-Of-another-account1"
        value: object = {"path": other} if name == "verify" else f"{other} \n"
        message = refusal(**{name: f"a/{other}" if name == "vendor" else value})
        assert "another" not in message.casefold()
        assert "***" in message

    @pytest.mark.parametrize("name", sorted(FORMS.keys() - {"proxy"}))
    def test_password_of_the_proxy_is_refused_in_another_field(self, name: str) -> None:
        proxy = "http://user:p%40ssw0rd-of-proxy@proxy.example:3128"
        assert refusal(proxy=proxy, **{name: self.FORMS[name].format("p@ssw0rd-of-proxy")}) == (
            f"The connection's {name} contains the proxy's password, which belongs in the proxy's URL only; its value "
            "is not shown here"
        )

    def test_short_password_of_the_proxy_may_occur_in_other_fields(self) -> None:
        assert read(proxy="http://me:gptprot@proxy.example", host="gptproto.com").proxy

    def test_other_key_in_the_path_of_the_host_is_redacted(self) -> None:
        message = refusal(host="https://gptproto.com/sk-0fAnother1/v1")
        assert message.endswith("enter https://gptproto.com/***")

    def test_short_password_may_occur_in_other_fields(self) -> None:
        assert read(password="gptprot", host="gptproto.com").base_url == "https://gptproto.com"

    def test_name_that_starts_like_a_key_is_shown(self) -> None:
        assert "'risk-assessment/eu'" in refusal(vendor="risk-assessment/eu")
