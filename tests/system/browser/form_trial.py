"""A connection made as a user makes it: choose, read, mistype, test, correct, save, reopen."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from airflow_provider_docsanalytics.hooks import _connection as form_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from playwright.sync_api import Page

    from airflow_provider_docsanalytics.api.endpoint import Platform
    from tests.support.report import Report
    from tests.support.simulator_process import Service
    from tests.system.browser.window import Windows

PROXY_PASSWORD = "proxy-password"
_KEY, _URL, _PORT, _PROJECT, _ABOUT = (
    *("API key", "Base URL", "Port (optional)", "Default project ID", "Description"),
)


class Form(Protocol):
    """What both Airflows' forms can do."""

    def __init__(self, page: Page, url: str, conn_id: str) -> None: ...
    def add(self, title: str) -> None: ...
    def labels(self) -> set[str]: ...
    def placeholder(self, label: str) -> str | None: ...
    def help(self, label: str) -> str: ...
    def fill(self, label: str, value: str) -> None: ...
    def value(self, label: str) -> str: ...
    def try_key(self, label: str, key: str) -> tuple[bool, str]: ...
    def save(self) -> None: ...
    def reopen(self) -> None: ...


@dataclass
class FormTrial:
    """One platform's connection in one Airflow's form.

    Attributes:
        certificate: a file that exists.
    """

    report: Report
    windows: Windows
    service: Service
    platform: Platform
    airflow: str
    url: str
    form: type[Form]
    certificate: Path

    def run(self) -> None:
        """Make the connection, and check what the form showed."""
        self.windows.received.clear()
        with self.windows.open() as page:
            form = self.form(page, self.url, self.conn_id)
            form.add(self.platform.title)
            self._picture(page, "form")
            self._read(form)
            for label, value in self._typed().items():
                form.fill(label, value)
            self._try(form, page)
            form.save()
        with self.windows.open() as page:
            form = self.form(page, self.url, self.conn_id)
            form.reopen()
            self._reread(form, page)
            form.fill(_ABOUT, self._about)
            form.save()
        self._check(
            f"the key was in none of the {len(self.windows.received)} answers to the browser",
            holds=bool(self.windows.received) and not self.windows.shown(self._right_key),
        )

    def compare(self, stored: Mapping[str, Any]) -> None:
        """Judge what lies in the database after the form was saved with a masked key."""
        extra = {name: str(value) for name, value in json.loads(stored["extra"]).items()}
        own = [stored[name] for name in ("conn_type", "host", "port", "login", "password")]
        host, port = self._state_of()
        login = self.service.project_id if self.platform.has_projects else ""
        self._check(
            "all that was typed is stored, also after another save with the key masked",
            holds=[str(value or "") for value in own]
            == [self.platform.name, host, port, login, self._right_key]
            and extra.items() >= self._extra().items()
            and stored["description"] == self._about,
        )

    def _read(self, form: Form) -> None:
        """Compare what the form shows with what is declared."""
        renamed = form_of.relabeling(self.platform)
        wanted = {_ABOUT, *renamed.values(), *(f.label for f in form_of.EXTRA_FIELDS.values())}
        labels = form.labels()
        self._check(f"{len(labels)} fields, and none that means nothing", holds=labels == wanted)
        placeholders = form_of.placeholders(self.platform)
        self._check(
            f"placeholders: {', '.join(placeholders.values())}",
            holds=all(form.placeholder(renamed[f]) == text for f, text in placeholders.items()),
        )
        self._check(
            "help under every field of the extra",
            holds=all(f.help in form.help(f.label) for f in form_of.EXTRA_FIELDS.values()),
        )

    def _try(self, form: Form, page: Page) -> None:
        """Press Test with a wrong key, and with the right one."""
        wrong = f"{self._right_key[:8]}_mistyped"
        for key, said in (
            (wrong, "The key is wrong or has expired"),
            (
                self._right_key,
                f"{self.platform.title} responds at {self.service.url}, and the key may read",
            ),
        ):
            self.service.forget_requests()
            works, words = form.try_key(_KEY, key)
            asked = len(self.service.requests())
            self.report.say(f"Test: {words}")
            self._check(
                f"the {'wrong' if key is wrong else 'right'} key: {said} …; {asked} request",
                holds=works is (key is self._right_key) and said in words and asked == 1,
            )
            self._check("no key in those words", holds=key not in words)
            self._picture(page, "wrong-key" if key is wrong else "right-key")

    def _reread(self, form: Form, page: Page) -> None:
        """Compare what was saved with what the form shows of it."""
        shown = {label: form.value(label) for label in form.labels()}
        masked = {label: shown.pop(label) for label in (_KEY, "Proxy")}
        typed = {k: v for k, v in self._typed().items() if k not in masked}
        self._check(f"reopened: {len(typed)} fields as typed", holds=shown == typed)
        self.report.say(f"reopened: key and proxy are shown as {list(masked.values())}")
        secrets = (self._right_key, PROXY_PASSWORD)
        self._check(
            "reopened: no secret on the page, in a field or in its source",
            holds=not any(
                s in text for s in secrets for text in (*masked.values(), page.content())
            ),
        )

    def _typed(self) -> dict[str, str]:
        host, port = self._state_of()
        project = {_PROJECT: self.service.project_id} if self.platform.has_projects else {}
        labels = {name: field.label for name, field in form_of.EXTRA_FIELDS.items()}
        extra = {labels[name]: value for name, value in self._extra().items()}
        return {_ABOUT: "typed in a browser", _URL: host, _PORT: port, **project, **extra}

    def _extra(self) -> dict[str, str]:
        return {
            "timeout_s": "7.5",
            "max_attempts": "4",
            "max_wait_s": "60",
            "proxies": f'{{"https": "http://user:{PROXY_PASSWORD}@127.0.0.1:3128"}}',
            "verify": "true",
            "cert": str(self.certificate),
            "ledger": str(self.certificate.with_name("quota")),
            "quota": "50/3600",
        }

    def _state_of(self) -> tuple[str, str]:
        host, _, port = self.service.url.rpartition(":")
        return host, port

    @property
    def conn_id(self) -> str:
        """The connection that is made."""
        return f"{self.platform.name}_default"

    @property
    def _about(self) -> str:
        return f"{self.platform.title}, described anew"

    @property
    def _right_key(self) -> str:
        return self.service.key(self.platform.name)

    def _picture(self, page: Page, what: str) -> None:
        self.windows.picture(page, f"airflow-{self.airflow}-{self.platform.name}-{what}")

    def _check(self, promise: str, *, holds: bool) -> None:
        self.report.check(f"{self.airflow} {self.platform.title}: {promise}", holds=holds)
