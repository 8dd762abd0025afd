"""The connection form of Airflow 2: a page of its own, with the Test button on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

USER = "admin"


class Form:
    """The form of one connection, as a user sees it."""

    def __init__(self, page: Page, url: str, conn_id: str) -> None:
        self._page, self._url, self._conn_id = page, url, conn_id

    def add(self, title: str) -> None:
        """Log in, open the form for a new connection, and choose its type."""
        self._log_in()
        self._page.goto(f"{self._url}/connection/add")
        self._page.get_by_label("Connection Id").fill(self._conn_id)
        self._page.get_by_role("combobox").click()
        self._page.get_by_role("searchbox").last.fill(title)
        self._page.get_by_role("option", name=title, exact=True).click()

    def labels(self) -> set[str]:
        """Return the labels of all fields behind the type, but for the extra as JSON."""
        found = self._page.locator("form label").filter(visible=True).all_inner_texts()
        told = {label.strip(" *") for label in found}
        return told - {"Connection Id", "Connection Type", "Extra"}

    def placeholder(self, label: str) -> str | None:
        """Return what an empty field shows."""
        return self._field(label).get_attribute("placeholder")

    def help(self, label: str) -> str:
        """Return all that stands around a field."""
        return self._page.get_by_role("row").filter(has=self._field(label)).inner_text()

    def fill(self, label: str, value: str) -> None:
        """Type into a field."""
        self._field(label).fill(value)

    def value(self, label: str) -> str:
        """Return what a field holds."""
        return self._field(label).input_value()

    def try_key(self, label: str, key: str) -> tuple[bool, str]:
        """Type a key and press Test; return how the test ended, and its words."""
        self.fill(label, key)
        with self._page.expect_response("**/connections/test") as tested:
            self._page.get_by_role("button", name="Test").click()
        result = tested.value.json()
        # Above the form, out of sight of who has pressed the button below it.
        self._page.locator(".alert").filter(has_text=result["message"]).scroll_into_view_if_needed()
        return result["status"], result["message"]  # the page shows both in green

    def save(self) -> None:
        """Press Save."""
        self._page.get_by_role("button", name="Save").click()
        self._page.wait_for_url(lambda url: "/connection/" not in url or "/list" in url)

    def reopen(self) -> None:
        """Log in anew, and open what was saved."""
        self._log_in()
        self._page.goto(f"{self._url}/connection/list/")
        row = self._page.get_by_role("row").filter(has_text=self._conn_id)
        row.get_by_role("link", name="Edit").click()
        self._page.get_by_text("Base URL", exact=True).wait_for()  # the type has been applied

    def _log_in(self) -> None:
        self._page.goto(f"{self._url}/login/")
        self._page.get_by_label("Username").fill(USER)
        self._page.get_by_label("Password").fill(USER)
        self._page.get_by_role("button", name="Sign In").click()
        self._page.wait_for_url("**/home*")

    def _field(self, label: str) -> Locator:
        return self._page.get_by_label(label, exact=True).filter(visible=True)
