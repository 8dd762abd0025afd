"""The key goes to the connection's host, and to nobody else."""

from __future__ import annotations

import base64
import gzip
from typing import TYPE_CHECKING

import pytest
import requests

from airflow_provider_docsanalytics.api._response import MAX_ERROR_BYTES, read_error
from airflow_provider_docsanalytics.api.settings import Settings
from airflow_provider_docsanalytics.errors import BadResponse, ConfigError, Unreachable
from tests.security.conftest import KEY, failure, printed, read
from tests.security.servers import Listener, Proxy, answer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SENT = f"Authorization: Bearer {KEY}".encode()


@pytest.fixture
def other() -> Iterator[Listener]:
    with Listener() as listener:
        yield listener


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    "target",
    [
        "http://127.0.0.1:{port}/v1",
        "http://localhost:{port}/v1",
        "//127.0.0.1:{port}/v1",
        "https://127.0.0.1:{port}/v1",
        "/v2",
        "?again=1",
        "http://[",
        "http://\x1b[31m/",
        "x" * 60_000,
    ],
)
def test_no_redirect_is_followed_wherever_it_leads(
    other: Listener, status: int, target: str
) -> None:
    location = target.format(port=other.port) if "{port}" in target else target
    with Listener(answer(status, b"moved", Location=location)) as service:
        error = failure(service.url)
    assert isinstance(error, BadResponse)
    assert "not followed" in str(error)
    assert "\x1b" not in str(error)
    assert (len(service.heard), other.heard) == (1, [])
    assert SENT in service.heard[0]


@pytest.mark.parametrize("coding", ["identity", "gzip"])
def test_the_body_of_an_error_is_read_no_further_than_a_message_needs(
    coding: str,
) -> None:
    body = b"x" * 10_000_000
    sent = gzip.compress(body) if coding == "gzip" else body
    reply = answer(500, sent, Content_Encoding=coding)
    with (
        Listener(reply) as service,
        requests.get(service.url, stream=True, timeout=10) as response,
    ):
        content, whole = read_error(response)
    assert (len(content), whole) == (MAX_ERROR_BYTES, False)


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])
def test_the_environments_proxy_does_not_see_what_is_not_encrypted(
    other: Listener, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, other.url)
    with Listener() as service:
        read(service.url)
    assert (len(service.heard), other.heard) == (1, [])


@pytest.mark.parametrize("proxy", ["http://proxy.example.com:3128", "http://10.0.0.1", "10.0.0.1"])
def test_a_connections_proxy_that_would_read_the_key_is_refused(proxy: str) -> None:
    with pytest.raises(ConfigError, match="proxy would read the key"):
        Settings("http://127.0.0.1:8080", KEY, proxies={"http": proxy})


def test_a_proxy_on_this_machine_may_see_what_is_sent_to_this_machine() -> None:
    with Listener() as service, Proxy() as proxy:
        read(service.url, proxies={"http": proxy.url})
    assert (len(proxy.heard), service.heard) == (1, [])


def test_a_netrc_neither_replaces_the_key_nor_is_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, secure: Listener, authority: str
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".netrc").write_text(netrc.read_text())
    read(secure.url, verify=authority)
    assert SENT in secure.heard[0]
    assert b"Basic" not in secure.heard[0]


@pytest.mark.parametrize("given", ["connection", "environment"])
def test_a_tunnelling_proxy_sees_its_own_password_and_no_key(
    secure: Listener, authority: str, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    with Proxy() as proxy:
        url = proxy.url.replace("://", "://user:p%40ss@")
        if given == "environment":
            monkeypatch.setenv("HTTPS_PROXY", url)
            read(secure.url, verify=authority)
        else:
            read(secure.url, verify=authority, proxies={"https": url})
    (connect,) = proxy.heard
    assert base64.b64encode(b"user:p@ss") in connect
    assert KEY.encode() not in connect + proxy.tunnelled
    assert len(proxy.tunnelled) > len(KEY)
    assert SENT in secure.heard[0]
    assert b"Proxy-Authorization" not in secure.heard[0]


def test_the_connections_proxy_goes_before_the_environments(
    secure: Listener, authority: str, monkeypatch: pytest.MonkeyPatch, other: Listener
) -> None:
    for name in ("HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, other.url)
    with Proxy() as proxy:
        read(secure.url, verify=authority, proxies={"https": proxy.url})
    assert (len(proxy.heard), other.heard) == (1, [])


def test_no_proxy_of_the_environment_is_heeded(
    secure: Listener, authority: str, monkeypatch: pytest.MonkeyPatch, other: Listener
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", other.url)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    read(secure.url, verify=authority)
    assert (len(secure.heard), other.heard) == (1, [])


@pytest.mark.parametrize(
    "proxy",
    [
        "http://user:PrxSecret@127.0.0.1:bad",
        "http://user:PrxSecret@[",
        "http://user:PrxSecret@:80",
        "gopher://user:PrxSecret@h:1",
        "user:PrxSecret@h",
        "socks5://user:PrxSecret@127.0.0.1:1",
        "http://user:PrxSecret@127.0.0.1:1",
        "http://user:PrxSecret@no-such-host.invalid:1",
    ],
)
def test_a_proxy_that_does_not_work_keeps_its_password(proxy: str) -> None:
    error = failure("https://127.0.0.1:9", proxies={"https": proxy})
    assert isinstance(error, ConfigError | Unreachable)
    assert "PrxSecret" not in printed(error)


def test_a_proxy_that_echoes_its_password_is_not_quoted_with_it() -> None:
    coded = base64.b64encode(b"user:Prx+Secret").decode()
    refusal = f"HTTP/1.1 407 no {coded} Prx+Secret\x1b[31m\r\nContent-Length: 0\r\n\r\n".encode()
    with Proxy(refuse=refusal) as proxy:
        url = proxy.url.replace("://", "://user:Prx+Secret@")
        error = failure("https://127.0.0.1:9", proxies={"https": url})
    assert "407" in str(error)
    assert coded not in printed(error)
    assert "Prx+Secret" not in printed(error)
    assert "\x1b" not in printed(error)


def test_a_proxy_is_only_known_by_the_base_urls_scheme() -> None:
    with pytest.raises(ConfigError, match="'all'; known: http and https"):
        Settings("https://api.example.com", KEY, proxies={"all": "http://proxy:1"})
