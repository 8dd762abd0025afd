"""A canary for a key, and an environment without proxies and bundles of the machine's own."""

from __future__ import annotations

import pickle
import ssl
import traceback
from typing import TYPE_CHECKING, Any

import pytest
import trustme

from airflow_provider_docsanalytics.api.client import Client
from airflow_provider_docsanalytics.api.mintlify import MINTLIFY
from airflow_provider_docsanalytics.api.settings import Settings
from airflow_provider_docsanalytics.errors import DocsAnalyticsError
from airflow_provider_docsanalytics.window import DateWindow
from tests.security.servers import Listener

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_docsanalytics.api.endpoint import Page

KEY = "mint_Canary+Zebra/Quilt=7"
"""Right by its prefix; quoted and encoded it looks different."""
DAY = DateWindow.parse("2026-01-10", "2026-01-11")
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
_BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*_PROXIES, *map(str.lower, _PROXIES), *_BUNDLES):
        monkeypatch.delenv(name, raising=False)


def read(url: str, endpoint: str = "caller_stats", **settings: Any) -> list[Page]:
    """Read an endpoint with the canary's key, one attempt a page, without the waits in between."""
    selection = MINTLIFY.select(endpoint, project_id="proj", window=DAY)
    usual = {"api_key": KEY, "max_attempts": 1, "timeout_s": 5.0}
    with Client(Settings(url, **usual | settings), sleep=lambda _: None) as client:
        return list(client.iter_pages(selection))


def failure(url: str, *args: Any, **settings: Any) -> DocsAnalyticsError:
    """Return how the reading fails, with no key in anything that could be printed of it."""
    with pytest.raises(DocsAnalyticsError) as failed:
        read(url, *args, **settings)
    assert KEY not in printed(failed.value)
    return failed.value


def printed(error: BaseException) -> str:
    """Return all that logs, databases and error trackers would keep of an error."""
    chain, seen = "", set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        chain += f"{link} {link!r} {vars(link)}"
        link = link.__cause__ or link.__context__
    pickled = pickle.dumps(error).decode("latin-1")
    return "".join(traceback.format_exception(error)) + chain + pickled


@pytest.fixture(scope="session")
def _authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def authority(_authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The path of the bundle that the server of :func:`secure` can be checked with."""
    return _written(_authority, tmp_path_factory)


@pytest.fixture(scope="session")
def another(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The path of a bundle that has nothing to do with it."""
    return _written(trustme.CA(), tmp_path_factory)


@pytest.fixture
def secure(_authority: trustme.CA) -> Iterator[Listener]:
    """A server with TLS for 127.0.0.1, certified by an authority that nobody knows."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _authority.issue_cert("127.0.0.1").configure_cert(context)
    with Listener(tls=context) as listener:
        yield listener


def _written(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("authority") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)
