"""The connection form of Airflow 3: a dialog over the list, whose rows have the Test button."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from airflow_provider_docsanalytics.hooks._connection import EXTRA_FIELDS

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

_EXTRA_LABELS = {field.label for field in EXTRA_FIELDS.values()}
_STANDARD, _EXTRA = "Standard Fields", "Extra Fields"
_TESTED = re.compile("Test Connection (Successful|Failed)")


class Form:
    """The form of one connection, as a user sees it."""

    def __init__(self, page: Page, url: str, conn_id: str) -> None:
        self._page, self._url, self._conn_id = page, url, conn_id

    def add(self, title: str) -> None:
        """Open the form for a new connection, and choose its type."""
        self._page.goto(self._url)
        self._page.get_by_role("button", name="Admin").click()
        self._page.get_by_role("menuitem", name="Connections").click()
        self._page.get_by_role("button", name="Add Connection").click()
        self._dialog.get_by_label("Connection ID").fill(self._conn_id)
        types = self._dialog.get_by_role("combobox", name="Connection Type")
        types.click()
        types.fill(title)
        self._dialog.get_by_role("option", name=title, exact=True).click()

    def labels(self) -> set[str]:
        """Return the labels of all fields behind the type."""
        found: set[str] = set()
        for section in (_EXTRA, _STANDARD):  # and so the first one is left open
            self._unfold(section)
            captions = self._dialog.locator("label").all_inner_texts()
            found |= {caption.strip(" *\n") for caption in captions}
        return {label for label in found if label and not label.startswith("Connection ")}

    def placeholder(self, label: str) -> str | None:
        """Return what an empty field shows."""
        return self._field(label).get_attribute("placeholder")

    def help(self, label: str) -> str:
        """Return all that stands around a field."""
        self._field(label)
        return self._group(label).inner_text()

    def fill(self, label: str, value: str) -> None:
        """Type into a field."""
        self._field(label).fill(value)

    def value(self, label: str) -> str:
        """Return what a field holds."""
        return self._field(label).input_value()

    def try_key(self, label: str, key: str) -> tuple[bool, str]:
        """Type a key, save, press Test in the list; return how the test ended, and its words."""
        if not self._dialog.is_visible():
            self._edit()
        self.fill(label, key)
        self.save()
        self._page.get_by_role("row", name=self._conn_id).get_by_role(
            "button", name="Test Connection"
        ).click()
        told = self._page.get_by_role("status").filter(has_text=_TESTED).first
        words = told.inner_text()
        return "Successful" in words, " ".join(words.split())

    def save(self) -> None:
        """Press Save, if the form is still open."""
        if self._dialog.is_visible():
            self._dialog.get_by_role("button", name="Save").click()
            self._dialog.wait_for(state="hidden")

    def reopen(self) -> None:
        """Load the page anew, and open what was saved."""
        self._page.goto(f"{self._url}/connections")
        self._edit()

    def _edit(self) -> None:
        row = self._page.get_by_role("row", name=self._conn_id)
        row.get_by_role("button", name="Edit Connection").click()
        self._dialog.get_by_role("button", name=_STANDARD).wait_for()

    @property
    def _dialog(self) -> Locator:
        return self._page.get_by_role("dialog")

    def _field(self, label: str) -> Locator:
        self._unfold(_EXTRA if label in _EXTRA_LABELS else _STANDARD)
        return self._group(label).locator("input, textarea").first

    def _group(self, label: str) -> Locator:
        caption = self._page.get_by_text(label, exact=True)
        return self._dialog.get_by_role("group").filter(has=caption).last

    def _unfold(self, section: str) -> None:
        button = self._dialog.get_by_role("button", name=section, exact=True)
        if button.get_attribute("aria-expanded") != "true":
            button.click()
        content = button.get_attribute("aria-controls")
        self._dialog.locator(f"[id='{content}'] label").first.wait_for()
