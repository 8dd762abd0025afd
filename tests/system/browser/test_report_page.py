"""The page of a report in Chromium: light and dark, narrow and wide, on paper, and for axe.

Screenshots and the PDF lie in ``.cache/e2e_report`` of this clone.
"""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

import pytest
from fsspec.implementations.local import LocalFileSystem
from playwright.sync_api import sync_playwright

from airflow_provider_docsanalytics.simulator import Config, Simulator
from airflow_provider_docsanalytics.simulator.site import SITE
from tests.lake.report_page import reported, turns, votes, write
from tests.support.airflow_cluster import CLONE
from tests.support.lake import DAY, START, LakeWriter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

HOME = CLONE / ".cache" / "e2e_report"
HOSTILE = '"><script>document.title = "owned"</script><img src=x onerror=alert(1)> \u202eabc '
pytestmark = pytest.mark.short


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    shutil.rmtree(HOME, ignore_errors=True)
    HOME.mkdir(parents=True)
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"),
            args=["--no-sandbox"],  # root needs it; the page is this machine's
        )


@pytest.fixture(scope="module", params=["usual", "hostile"])
def page_file(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of two simulated weeks, and one of a lake in which everyone is hostile."""
    lake, file = tmp_path_factory.mktemp("lake"), HOME / f"{request.param}.html"
    if request.param == "usual":
        end = START + 14 * DAY
        with Simulator(Config(start=f"{START:%Y-%m-%d}", end=f"{end:%Y-%m-%d}")) as service:
            LakeWriter(service, LocalFileSystem(), str(lake)).days(14)
    else:
        asked = turns(9, 5, query=HOSTILE + "x" * 10_000, pageUrl="javascript:alert(1)")
        write(lake, "conversations", asked)
        write(lake, "conversations", turns(2, 2, pageUrl=f"{SITE}/{HOSTILE}"), project_id="other")
        write(lake, "feedback_by_page", votes(1, 5, f"/{HOSTILE}"))
    file.write_bytes(reported(lake, base_url=SITE).html)
    return file


@contextmanager
def _shown(
    browser: Browser, file: Path, width: int, scheme: Literal["light", "dark"]
) -> Iterator[Page]:
    """Show a page; nothing else may be asked for, and no script may run."""
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    requests: list[str] = []
    said: list[str] = []
    try:
        page = context.new_page()
        page.on("request", lambda request: requests.append(request.url))
        page.on("dialog", lambda dialog: said.append(dialog.message))
        page.goto(file.as_uri())
        yield page
        assert "Documentation report" in page.title()
        assert (requests, said) == ([file.as_uri()], [])
    finally:
        context.close()


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_has_no_barrier(
    browser: Browser, page_file: Path, width: int, scheme: Literal["light", "dark"]
) -> None:
    with _shown(browser, page_file, width, scheme) as page:
        page.screenshot(path=HOME / f"{page_file.stem}-{scheme}-{width}.png", full_page=True)
        over = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert over <= 0, "the page is wider than the window"
        assert page.locator("h1").is_visible()
        assert _violations(browser, page_file, width, scheme) == []


def _violations(
    browser: Browser, file: Path, width: int, scheme: Literal["light", "dark"]
) -> list[tuple[Any, ...]]:
    """Return what axe finds; its script runs beside the page's own policy, which allows none."""
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True
    )
    try:
        page = context.new_page()
        page.goto(file.as_uri())
        page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
        page.add_script_tag(path=os.environ["AXE"])
        found = page.evaluate("axe.run()")
        assert len(found["passes"]) > 15  # it has looked
        return [
            (each["id"], each["impact"], each["nodes"][0]["html"]) for each in found["violations"]
        ]
    finally:
        context.close()


def test_the_page_can_be_printed(browser: Browser, page_file: Path) -> None:
    with _shown(browser, page_file, 1280, "dark") as page:
        page.pdf(path=HOME / f"{page_file.stem}.pdf", format="A4")
        page.emulate_media(media="print")
        colors = page.evaluate(
            "['color', 'backgroundColor'].map(name => getComputedStyle(document.body)[name])"
        )
        assert colors == ["rgb(0, 0, 0)", "rgb(255, 255, 255)"]
    assert (HOME / f"{page_file.stem}.pdf").stat().st_size > 10_000


def test_a_picture_of_the_page(browser: Browser, page_file: Path) -> None:
    """Keep what the README shows: the upper part, in both schemes."""
    for scheme in ("light", "dark"):
        with _shown(browser, page_file, 820, scheme) as page:
            page.screenshot(
                path=HOME / f"{page_file.stem}-{scheme}.png",
                clip={"x": 0, "y": 0, "width": 820, "height": 1180},
                full_page=True,
            )


def test_a_picture_of_each_question(browser: Browser, page_file: Path) -> None:
    """Keep what the page on a docs team's questions shows: the beginning of each section."""
    with _shown(browser, page_file, 820, "light") as page:
        starts = page.eval_on_selector_all(
            "h2", "all => all.map(each => [each.innerText, each.getBoundingClientRect().y])"
        )
        ends = [*(y for _, y in starts[1:]), starts[-1][1] + 400]
        for (title, y), end in zip(starts, ends, strict=True):
            name = title.lower().replace(" ", "-").strip("?")
            page.screenshot(
                path=HOME / f"{page_file.stem}-section-{name}.png",
                clip={"x": 0, "y": y - 20, "width": 820, "height": min(end - y - 40, 560)},
                full_page=True,
            )
        assert len(starts) > 5
