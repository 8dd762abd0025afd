from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from airflow_provider_docsanalytics.api.mintlify import MINTLIFY
from airflow_provider_docsanalytics.api.settings import Settings
from airflow_provider_docsanalytics.api.vyom import VYOM
from airflow_provider_docsanalytics.errors import ConfigError
from airflow_provider_docsanalytics.hooks._connection import read_settings

KEY = "mint_secret_of_the_house"


@dataclass
class Connection:
    """The fields of Airflow's connection; the hooks' tests use the real one."""

    host: str | None = None
    port: int | None = None
    schema: str | None = None
    login: str | None = None
    password: str | None = KEY


def _read(extra: dict[str, Any] | None = None, **fields: Any) -> Settings:
    return read_settings(MINTLIFY, Connection(**fields), extra or {})


def _refusal(**fields: Any) -> str:
    with pytest.raises(ConfigError) as refused:
        _read(**fields)
    assert KEY not in str(refused.value)
    return str(refused.value)


def test_an_empty_connection_has_the_documented_defaults() -> None:
    settings = _read()
    assert settings == Settings(
        "https://api.mintlify.com",
        KEY,
        project_id=None,
        timeout_s=30,
        proxies=None,
        verify=True,
        cert=None,
        max_attempts=5,
        max_wait_s=120,
    )
    assert read_settings(VYOM, Connection(password="any"), {}).base_url == VYOM.default_url


def test_neither_the_key_nor_a_proxys_password_shows_in_the_repr() -> None:
    extra = {"proxies": "http://user:proxy-password@proxy:3128"}
    shown = repr(_read(extra=extra))
    assert KEY not in shown
    assert "proxy-password" not in shown


@pytest.mark.parametrize(
    ("host", "port", "url"),
    [
        ("api.example.com", None, "https://api.example.com"),
        ("https://corp.example.com/mint/api", None, "https://corp.example.com/mint/api"),
        ("https://corp.example.com/mint", 8443, "https://corp.example.com:8443/mint"),
        ("https://corp.example.com:65535", None, "https://corp.example.com:65535"),
        ("http://127.0.0.1:8000", None, "http://127.0.0.1:8000"),
        ("http://localhost", 8000, "http://localhost:8000"),
        ("http://[::1]:8000", None, "http://[::1]:8000"),
        ("http://[::1]", 8000, "http://[::1]:8000"),
        ("http://[::1]:8000", 8000, "http://[::1]:8000"),
        ("https://corp.example.com:8443/mint", 8443, "https://corp.example.com:8443/mint"),
        ("https://corp.example.com/mint", 443, "https://corp.example.com/mint"),
        ("HTTP://localhost", 80, "HTTP://localhost"),
        ("https://corp.example.com", 80, "https://corp.example.com:80"),
        ("", 443, "https://api.mintlify.com"),
        ("  ", None, "https://api.mintlify.com"),
    ],
)
def test_the_base_url_comes_from_host_and_port(host: str, port: int | None, url: str) -> None:
    assert _read(host=host, port=port).base_url == url


@pytest.mark.parametrize(
    ("host", "said"),
    [
        ("http://api.mintlify.com", "Use https://"),
        ("http://127.0.0.1.example.com", "Use https://"),
        ("http://localhost.example.com", "Use https://"),
        ("ftp://api.mintlify.com", "not a base URL"),
        ("https://", "not a base URL"),
        ("https://a:b@api.mintlify.com", "the key belongs in the password"),
        ("https://api.mintlify.com?x=1", "has a query or a fragment after"),
        ("https://api.mintlify.com#x", "has a query or a fragment after"),
        ("https://api.mintlify.com:port", "not a base URL"),
        ("https://[bad", "not a base URL"),
    ],
)
def test_a_host_that_is_no_safe_base_url_is_refused(host: str, said: str) -> None:
    assert said in _refusal(host=host)


@pytest.mark.parametrize(
    ("password", "said"),
    [
        (None, "has no key"),
        ("  ", "has no key"),
        ("mint_dsc_x", "an assistant key"),
        ("mint_us_x", "an index key"),
        ("sk_x", "start with mint_"),
        ("mint_a b", "Paste the key again"),
        ("mint_a\nb", "Paste the key again"),
        ("mint_é", "Paste the key again"),
    ],
)
def test_a_key_that_cannot_work_is_refused_by_what_it_is(password: str | None, said: str) -> None:
    assert said in _refusal(password=password)


def test_the_form_of_airflow_2_may_say_each_key_twice() -> None:
    extra = {"extra__mintlify__max_attempts": "4", "max_attempts": "4", "extra__mintlify__cert": ""}
    assert _read(extra=extra).max_attempts == 4
    assert "'extra__vyom__cert'" in _refusal(extra={"extra__vyom__cert": "x"})


def test_an_unknown_extra_key_lists_the_known_ones() -> None:
    message = _refusal(extra={"time_out": 3})
    assert "'time_out'" in message
    assert "timeout_s, max_attempts, max_wait_s, proxies, verify, cert" in message


@pytest.mark.parametrize(
    "extra",
    [
        {"timeout_s": "soon"},
        {"timeout_s": True},
        {"timeout_s": 0},
        {"timeout_s": [1]},
        {"max_attempts": 1.5},
        {"max_attempts": 0},
        {"max_attempts": "inf"},
        {"max_wait_s": -1},
        {"proxies": 3},
        {"proxies": "{oops"},
        {"proxies": {"https": 3}},
    ],
)
def test_an_extra_value_that_cannot_be_used_is_refused_by_name(extra: dict[str, Any]) -> None:
    assert next(iter(extra)) in _refusal(extra=extra)


def test_extras_are_read_as_a_form_or_a_json_gives_them() -> None:
    extra: dict[str, Any] = {
        "timeout_s": "7.5",
        "max_attempts": "3",
        "max_wait_s": 0,
        "verify": "False",
        "cert": "",
        "proxies": "http://proxy:3128",
    }
    settings = _read(login=" proj ", extra=extra)
    assert (settings.timeout_s, settings.max_attempts, settings.max_wait_s) == (7.5, 3, 0)
    assert (settings.verify, settings.cert, settings.project_id) == (False, None, "proj")
    assert settings.proxies == {"http": "http://proxy:3128", "https": "http://proxy:3128"}


@pytest.mark.parametrize(
    ("verify", "read"), [(False, False), ("true", True), (None, True), ("/ca.pem", "/ca.pem")]
)
def test_verify_is_a_switch_or_a_bundle(verify: object, read: object) -> None:
    extra = {"verify": verify, "proxies": '{"https": "http://p:1"}'}
    assert _read(extra=extra).verify == read
