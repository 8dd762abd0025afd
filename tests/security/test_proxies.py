"""Proxies of the environment: their passwords are secrets, and a connection can do without."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from airflow.providers.common.compat.sdk import AirflowException
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_provider_docsanalytics.api.client import Client
from airflow_provider_docsanalytics.api.mintlify import MINTLIFY
from airflow_provider_docsanalytics.api.settings import Settings
from airflow_provider_docsanalytics.errors import ConfigError, DocsAnalyticsError, Unreachable
from airflow_provider_docsanalytics.hooks.mintlify import MintlifyHook
from airflow_provider_docsanalytics.operators.mintlify import MintlifyExportOperator
from airflow_provider_docsanalytics.sensors.mintlify import MintlifyConversationSensor
from airflow_provider_docsanalytics.triggers.mintlify import MintlifyConversationTrigger
from tests.security.conftest import DAY, KEY, failure, printed, read
from tests.security.encodings import told
from tests.security.servers import Listener, Proxy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

USER, PASSWORD = "proxyuser", "Prx+Canary/Yak=9"
SPECIAL = "#/?[]\\@%:;&=+$,!*'()~^`{|}<>\" \t"
BROKEN = [f"http://{USER}:PrxCanary{each}YakZebra@127.0.0.1:1" for each in "#/?[\\ "]


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    with Proxy() as proxy:
        yield proxy


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])
@pytest.mark.parametrize("url", BROKEN)
def test_an_environments_proxy_that_is_no_url_is_named_and_not_quoted(
    variable: str, url: str, monkeypatch: pytest.MonkeyPatch, secure: Listener
) -> None:
    monkeypatch.setenv(variable, url)
    error = failure(secure.url)
    assert isinstance(error, ConfigError)
    assert f"The environment's {variable} is not a URL" in str(error)
    for part in (USER, "PrxCanary", "YakZebra"):
        assert part not in printed(error)
    assert secure.heard == []


def _test_connection(path: Path) -> str:
    works, message = MintlifyHook().test_connection()
    assert not works
    return message


def _operator(path: Path) -> str:
    task = MintlifyExportOperator(
        task_id="export",
        endpoint="views",
        path=f"file://{path}",
        date_from="2026-01-10",
        date_to="2026-01-11",
    )
    with pytest.raises((ConfigError, AirflowException)) as failed:
        task.execute({})
    written = "".join(file.read_text() for file in path.iterdir())
    return printed(failed.value) + written


def _sensor(path: Path) -> str:
    sensor = MintlifyConversationSensor(task_id="wait", since="2026-01-10", deferrable=False)
    with pytest.raises((ConfigError, AirflowException)) as failed:
        sensor.execute({})
    return printed(failed.value)


def _trigger(path: Path) -> str:
    trigger = MintlifyConversationTrigger(
        since="2026-01-10", once=True, not_before="2026-01-10T00:00:00+00:00"
    )

    async def first() -> Any:
        return await anext(trigger.run())

    event = asyncio.run(first()).payload
    assert event["status"] == "failed"
    assert event["curable"] is False
    return json.dumps(event)


@pytest.mark.parametrize("place", [_test_connection, _operator, _sensor, _trigger])
@pytest.mark.parametrize("url", [BROKEN[0], BROKEN[3]])
def test_wherever_it_is_needed_it_is_refused_alike(
    *,
    url: str,
    place: Callable[[Path], str],
    monkeypatch: pytest.MonkeyPatch,
    secure: Listener,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    _connect(monkeypatch, secure)
    monkeypatch.setenv("HTTPS_PROXY", url)
    said = place(tmp_path) + caplog.text + "".join(capfd.readouterr())
    assert "The environment's HTTPS_PROXY is not a URL" in said
    for part in (USER, "PrxCanary", "YakZebra"):
        assert part not in said
    assert secure.heard == []


@pytest.mark.parametrize("given", ["connection", "environment"])
def test_a_password_of_special_characters_reaches_the_proxy_and_nobody_else(
    given: str, secure: Listener, authority: str, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    password = f"Prx{SPECIAL}\N{LATIN SMALL LETTER A WITH DIAERESIS}Yak"
    url = proxy.url.replace("://", f"://{USER}:{quote(password, safe='')}@")
    if given == "environment":
        monkeypatch.setenv("HTTPS_PROXY", url)
    read(secure.url, verify=authority, proxies={"https": url} if given == "connection" else None)
    (connect,) = proxy.heard
    assert base64.b64encode(f"{USER}:{password}".encode("latin-1")) in connect


@pytest.mark.parametrize("character", sorted({*SPECIAL} - {*"#/?[\\ \t"}))
def test_what_needs_no_encoding_may_stand_there_as_it_is(
    character: str, secure: Listener, authority: str, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy.url.replace("://", f"://{USER}:Prx{character}Yak@"))
    try:
        read(secure.url, verify=authority)
    except ConfigError as error:
        assert "is not a URL" in str(error)  # noqa: PT017 - one or the other
        assert proxy.heard == []
    else:
        (connect,) = proxy.heard
        assert base64.b64encode(f"{USER}:Prx{character}Yak".encode()) in connect


def test_a_proxy_that_wants_another_login_is_told_from_a_service_that_is_away() -> None:
    """50%41 is read as 50A, as it would be if it were meant so: only the proxy knows."""
    refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"
    with Proxy(refuse=refusal) as proxy:
        url = proxy.url.replace("://", f"://{USER}:50%41@")
        error = failure("https://127.0.0.1:9", proxies={"https": url})
        assert base64.b64encode(f"{USER}:50A".encode()) in proxy.heard[0]
    assert isinstance(error, Unreachable)
    assert "proxies of the connection's extra. Percent-encode '%'" in str(error)
    assert told("50%41", printed(error)) | told("50A", printed(error)) == set()


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "ALL_PROXY", "http_proxy"])
def test_a_password_of_the_environment_that_is_said_back_is_redacted(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    coded = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    refusal = f"HTTP/1.1 407 no {coded} {PASSWORD}\r\nContent-Length: 0\r\n\r\n".encode()
    with Proxy(refuse=refusal) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        url = proxy.url.replace("://", f"://{USER}:{quote(PASSWORD, safe='')}@")
        monkeypatch.setenv(variable, url)
        error = failure("https://127.0.0.1:9")
    assert "407" in str(error)
    assert told(PASSWORD, printed(error)) == set()


def test_a_token_in_the_users_place_is_a_secret_and_a_user_with_a_password_is_none() -> None:
    def sanitized(proxy: str) -> str:
        settings = Settings("https://a.example.com", KEY, proxies={"https": proxy})
        return settings.sanitize("for proxyuser: no")

    assert sanitized("http://proxyuser:PrxCanary@proxy:1") == "for proxyuser: no"
    assert sanitized("http://proxyuser@proxy:1") == "for ***: no"
    assert sanitized("http://proxyuser:@proxy:1") == "for ***: no"


def test_the_environment_is_read_for_each_request(
    secure: Listener, authority: str, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    selection = MINTLIFY.select("caller_stats", project_id="proj", window=DAY)
    with Client(Settings(secure.url, KEY, verify=authority, max_attempts=1)) as client:
        next(client.iter_pages(selection))
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        next(client.iter_pages(selection))
        assert len(proxy.heard) == 1
        monkeypatch.setenv("HTTPS_PROXY", BROKEN[0])
        with pytest.raises(ConfigError, match="HTTPS_PROXY"):
            next(client.iter_pages(selection))
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        next(client.iter_pages(selection))
    assert (len(proxy.heard), len(secure.heard)) == (1, 3)


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
@pytest.mark.parametrize(
    "off", [{"https": None}, {"https": ""}, '{"https": ""}', '{"https": null}']
)
def test_the_connection_switches_the_environments_proxy_off(
    *,
    variable: str,
    off: Any,
    secure: Listener,
    authority: str,
    proxy: Proxy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(variable, proxy.url)
    _connect(monkeypatch, secure, verify=authority, proxies=off)
    next(MintlifyHook().iter_pages("caller_stats"))
    assert (len(secure.heard), proxy.heard) == (1, [])


@pytest.mark.parametrize("silent", [None, {}, "", {"http": ""}])
def test_a_connection_that_says_nothing_of_https_leaves_it_to_the_environment(
    silent: Any, secure: Listener, authority: str, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    _connect(monkeypatch, secure, verify=authority, proxies=silent)
    next(MintlifyHook().iter_pages("caller_stats"))
    assert (len(secure.heard), len(proxy.heard)) == (1, 1)


@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20),
    st.sampled_from(["http://", "https://", "socks5://", "", "gopher://", "HTTP://"]),
    st.sampled_from(["@127.0.0.1:1", "@localhost:1/", "@", "", "@[::1]:1", ":1", "@a..b:1"]),
)
def test_whatever_the_environment_holds_the_error_is_typed_and_does_not_tell(
    text: str, scheme: str, rest: str
) -> None:
    url = f"{scheme}{USER}:PrxCanary{text}YakZebra{rest}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HTTPS_PROXY", url)
        with pytest.raises(DocsAnalyticsError) as failed:
            read("https://127.0.0.1:9")
    assert isinstance(failed.value, ConfigError | Unreachable)
    for part in ("PrxCanary", "YakZebra"):
        assert part not in printed(failed.value)


def _connect(monkeypatch: pytest.MonkeyPatch, service: Listener, **extra: object) -> None:
    connection = {"conn_type": "mintlify", "host": service.url, "login": "p", "password": KEY}
    extra = {"max_attempts": 1, **extra}
    monkeypatch.setenv("AIRFLOW_CONN_MINTLIFY_DEFAULT", json.dumps({**connection, "extra": extra}))
