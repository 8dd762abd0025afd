"""The connection form in an attacker's hands: a base URL is what every parser reads alike."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_docsanalytics.api.mintlify import MINTLIFY
from airflow_provider_docsanalytics.errors import ConfigError
from airflow_provider_docsanalytics.hooks._connection import read_settings
from tests.api.test_settings import Connection
from tests.security.conftest import KEY, read
from tests.security.servers import Listener


def _refusal(**fields: Any) -> str:
    extra = fields.pop("extra", {})
    with pytest.raises(ConfigError) as refused:
        read_settings(MINTLIFY, Connection(**{"password": KEY, **fields}), extra)
    assert KEY not in str(refused.value)
    return str(refused.value)


@pytest.mark.parametrize(
    "host",
    [
        "https://user:s3cret@api.example.com",
        "https://:s3cret@api.example.com",
        "https://s3cret@api.example.com",
        "https://@api.example.com",
        "https://us:s3/cret@api.example.com",
        "https://user:s3cret\N{ACCOUNT OF}@api.example.com",
        "https://api.example.com\\@evil.example.com/s3cret",
        "api.example.com/s3cret@evil.example.com",
    ],
)
def test_a_user_in_the_url_is_refused_and_not_repeated(host: str) -> None:
    message = _refusal(host=host)
    assert "carries a user or a password" in message
    assert "s3" not in message


@pytest.mark.parametrize(
    "host",
    [
        "https://a.example.com?",
        "https://a.example.com#",
        "https://a.example.com/v1?x=1",
        "https://evil.example.com\\.a.example.com",
        "https://a.example.com/\\evil.example.com",
        "https://a.example.com/../v1",
        "https://a.example.com/v1/..",
        "https://a.example.com/./v1",
        "https://a.example.com/%2e%2e/v1",
        "https://a.example.com//v1",
        "https://a.example.com;v1",
        "https://%61.example.com",
        "https://a b.example.com",
        "https://a.example.com\r\nX-Evil: 1",
        "https://a.example.com\nx",
        "https://a.ex\tample.com",
        "https://a.example.com\x00.evil.example.com",
        "https://\N{FULLWIDTH LATIN SMALL LETTER A}.example.com",
        "https://b\N{LATIN SMALL LETTER U WITH DIAERESIS}cher.example.com",
        "https://a.example.com:0",
        "https://a.example.com:65536",
        "https://a.example.com:-1",
        "https://a.example.com:1:2",
        "https://a.example.com:\N{ARABIC-INDIC DIGIT THREE}",
        "https://[::1",
        "https://[::1]evil",
        "https://[::1%25eth0]",
        "https:///v1",
        "//a.example.com",
        "https:a.example.com",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "ftp://a.example.com",
        "unix:///run/s.sock",
    ],
)
def test_what_two_parsers_could_read_differently_is_refused(host: str) -> None:
    message = _refusal(host=host)
    assert "The connection's host" in message
    assert message.count("\n") == 1  # in front of what to do
    assert "\x00" not in message


@pytest.mark.parametrize(
    "host",
    [
        "http://a.example.com",
        "http://localhost.example.com",
        "http://localhost.",
        "http://127.0.0.1.example.com",
        "http://127.1",
        "http://2130706433",
        "http://0x7f000001",
        "http://0.0.0.0",
        "http://[::]",
        "http://[fe80::1]",
        "HTTP://10.0.0.1",
    ],
)
def test_plain_http_is_for_addresses_that_are_loopback_to_the_letter(host: str) -> None:
    assert "unencrypted" in _refusal(host=host)


def test_a_port_field_cannot_add_a_second_port() -> None:
    assert "The port is given twice" in _refusal(host="https://a.example.com:1", port=2)
    assert "The port is given twice" in _refusal(host="https://a.example.com:1", port=443)
    assert "The port is given twice" in _refusal(host="https://[::1]:1", port=443)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_loopback_addresses_are_reached_with_the_path_as_written(host: str) -> None:
    with Listener(host=host) as service:
        name = f"[{host}]" if ":" in host else host
        read(f"http://{name}:{service.port}/api/External_v1.0~/")
    path = b"/api/External_v1.0~/v1/analytics/proj/assistant/caller-stats?"
    assert service.heard[0].startswith(b"GET " + path)


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1e999"])
@pytest.mark.parametrize("name", ["timeout_s", "max_wait_s", "max_attempts"])
def test_numbers_are_finite(name: str, value: str) -> None:
    assert name in _refusal(host="https://a.example.com", extra={name: value})


def test_a_timeout_that_no_socket_takes_is_refused() -> None:
    assert "timeout_s" in _refusal(host="https://a.example.com", extra={"timeout_s": 1e12})
