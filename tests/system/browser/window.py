"""A window of Chromium, what it received, and pictures of it."""

from __future__ import annotations

import base64
import json
import re
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page, Route

_SIZE = {"width": 1280, "height": 900}
_TIMEOUT_MS = 120_000
_ELSEWHERE = re.compile(r"^https://")


@dataclass
class Windows:
    """Opens windows, one a time, and keeps what they received.

    Attributes:
        browser: a running one.
        records: the directory for what they received.
        pictures: the directory for screenshots.
        received: the text of every answer to any window that has been closed.
    """

    browser: Browser
    records: Path
    pictures: Path
    received: list[str] = field(default_factory=list)

    @contextmanager
    def open(self) -> Iterator[Page]:
        """Give an empty page; hosts of the internet are stood in for, so that links end there."""
        self.records.mkdir(parents=True, exist_ok=True)
        record = self.records / "window.har"
        context = self.browser.new_context(
            viewport=_SIZE, record_har_path=record, record_har_content="embed"
        )
        try:
            context.set_default_timeout(_TIMEOUT_MS)
            context.route(_ELSEWHERE, _stand_in)
            yield context.new_page()
        finally:
            context.close()  # and only now the record is written
        self.received += _answers(record)

    def picture(self, page: Page, name: str, height: int | None = None) -> None:
        """Keep a screenshot of the window, or of its upper part."""
        self.pictures.mkdir(parents=True, exist_ok=True)
        clip = {"x": 0, "y": 0, **_SIZE, "height": height} if height else None
        page.screenshot(path=self.pictures / f"{name}.png", animations="disabled", clip=clip)

    def shown(self, secret: str) -> int:
        """Count the answers that hold a secret."""
        return sum(secret in answer for answer in self.received)


def _stand_in(route: Route) -> None:
    route.fulfill(status=200, content_type="text/plain", body="elsewhere")


def _answers(record: Path) -> list[str]:
    entries = json.loads(record.read_text())["log"]["entries"]
    return [_text(entry["response"]["content"]) for entry in entries]


def _text(content: dict[str, str]) -> str:
    text = content.get("text", "")
    if content.get("encoding") == "base64":
        return base64.b64decode(text).decode("utf-8", "replace")
    return text
