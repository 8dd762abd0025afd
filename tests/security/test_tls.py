"""TLS: on, unless the connection says otherwise."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

import pytest

from airflow_provider_docsanalytics.errors import ConfigError, Unreachable
from airflow_provider_docsanalytics.hooks.mintlify import MintlifyHook
from tests.security.conftest import KEY, failure, read

if TYPE_CHECKING:
    from pathlib import Path

    from tests.security.servers import Listener


def test_an_unknown_authority_is_refused_before_the_key_is_sent(secure: Listener) -> None:
    error = failure(secure.url)
    assert isinstance(error, Unreachable)
    assert "CERTIFICATE_VERIFY_FAILED" in str(error)
    assert "verify in the connection's extra" in str(error)
    assert secure.heard == []


def test_a_certificate_of_another_name_is_refused(secure: Listener, authority: str) -> None:
    url = secure.url.replace("127.0.0.1", "localhost")
    assert "ostname" in str(failure(url, verify=authority))
    assert secure.heard == []


def test_a_given_authority_is_trusted(secure: Listener, authority: str) -> None:
    read(secure.url, verify=authority)
    assert len(secure.heard) == 1


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_the_environments_bundle_adds_trust_only_where_the_connection_is_silent(
    secure: Listener, authority: str, monkeypatch: pytest.MonkeyPatch, name: str, another: str
) -> None:
    monkeypatch.setenv(name, authority)
    read(secure.url)
    failure(secure.url, verify=another)
    monkeypatch.setenv(name, another)
    failure(secure.url)
    read(secure.url, verify=authority)
    read(secure.url, verify=False)
    assert len(secure.heard) == 3


@pytest.mark.parametrize("value", ["no", "0", "off", "none", "/no/such/bundle.pem"])
def test_what_is_no_switch_is_a_path_and_never_switches_the_check_off(
    secure: Listener, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    _connect(monkeypatch, secure, verify=value)
    with pytest.raises(ConfigError, match="verify or cert"):
        next(MintlifyHook().iter_pages("caller_stats"))
    assert secure.heard == []


def test_a_bundle_of_the_environment_that_is_missing_is_named(
    secure: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/no/such/bundle.pem")
    assert "REQUESTS_CA_BUNDLE" in str(failure(secure.url))


def test_switching_the_check_off_is_warned_about_once(
    secure: Listener,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    _connect(monkeypatch, secure, verify=False)
    hook = MintlifyHook()
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            next(hook.iter_pages("caller_stats"))
    assert len(secure.heard) == 3
    said = caplog.text or capsys.readouterr().out
    assert said.count("verify is false") == 1


def test_a_client_certificate_that_is_missing_is_named(
    secure: Listener, authority: str, tmp_path: Path
) -> None:
    error = failure(secure.url, verify=authority, cert=str(tmp_path / "client.pem"))
    assert "client.pem" in str(error)


def _connect(monkeypatch: pytest.MonkeyPatch, service: Listener, **extra: object) -> None:
    connection = {"conn_type": "mintlify", "host": service.url, "login": "p", "password": KEY}
    monkeypatch.setenv("AIRFLOW_CONN_MINTLIFY_DEFAULT", json.dumps({**connection, "extra": extra}))
