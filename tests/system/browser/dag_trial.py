"""Example Dags, triggered and watched in the browser: their operators, logs and links."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import expect

from airflow_provider_docsanalytics.api.vyom import VYOM
from tests.system.browser.form_trial import PROXY_PASSWORD

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

    from tests.support.report import Report
    from tests.support.simulator_process import Service
    from tests.system.browser.window import Windows

BUCKET = "lake"
_RUN_TIMEOUT_MS = 600_000
_ENDED = re.compile("Success|Failed")
_STATES = " or ".join(f"text()='{each}'" for each in ("Queued", "Running", "Success", "Failed"))
_STATE_BEHIND = f"xpath=following::*[{_STATES}][1]"
_MANIFEST, _ANALYTICS = "Manifest", "Mintlify analytics"
_ANALYTICS_URL = "https://app.mintlify.com/analytics"


@dataclass
class DagTrial:
    """Runs of example Dags in Airflow 3, whose exports go to an S3 of this machine.

    Attributes:
        s3: a client of it.
    """

    report: Report
    windows: Windows
    service: Service
    url: str
    s3: Any

    def run(self) -> None:
        """Trigger the Dags, and look at what a user sees."""
        self.windows.received.clear()
        with self.windows.open() as page:
            self._run_dag(page, "first_export", "Mintlify export", tasks=1)
            page.get_by_role("table").get_by_role("link", name="conversations").first.click()
            self._look_at_task(page, "conversations", "Mintlify export", "mintlify")
            links = self._links(page)
            self.windows.picture(page, "airflow-3.3-links", 560)
            self._check(f"links: {', '.join(links)}", holds=set(links) == {_MANIFEST, _ANALYTICS})
            self._check(
                f"{_ANALYTICS}: {_ANALYTICS_URL}",
                holds=self._opened(page, links[_ANALYTICS]) == _ANALYTICS_URL,
            )
            self._follow_manifest(page, links[_MANIFEST], "conversations")
        with self.windows.open() as page:
            self._run_dag(page, "vyom_daily_export", "Vyom export", tasks=len(VYOM.endpoints))
            page.get_by_role("table").get_by_role(
                "link", name="calls_by_assistant", exact=True
            ).click()
            self._look_at_task(page, "calls_by_assistant", "Vyom export", "vyom")
            links = self._links(page)
            self._check(f"Vyom's links: {', '.join(links)}", holds=set(links) == {_MANIFEST})
            self._follow_manifest(page, links[_MANIFEST], "calls_by_assistant")
        secrets = (self.service.key("mintlify"), self.service.key("vyom"), PROXY_PASSWORD)
        self._check(
            f"no secret in any of {len(self.windows.received)} answers to the browser",
            holds=not any(self.windows.shown(secret) for secret in secrets),
        )

    def _run_dag(self, page: Page, dag_id: str, operator: str, tasks: int) -> None:
        page.goto(f"{self.url}/dags/{dag_id}")
        page.get_by_role("button", name="Trigger Dag").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_role("button", name="Trigger", exact=True).click()
        page.wait_for_url("**/runs/manual__*")
        state = page.get_by_role("heading", name="manual__").locator(_STATE_BEHIND)
        expect(state).to_have_text(_ENDED, timeout=_RUN_TIMEOUT_MS)
        self._check(f"{dag_id} succeeds", holds=state.inner_text().strip() == "Success")
        rows = page.get_by_role("row").filter(has_text=operator)
        done = rows.filter(has_text="Success")
        done.nth(tasks - 1).wait_for()
        self._check(
            f"{dag_id}: {tasks} of {operator} in its table of tasks", holds=done.count() == tasks
        )
        self.windows.picture(page, f"airflow-3.3-{dag_id}")

    def _look_at_task(self, page: Page, endpoint: str, operator: str, platform: str) -> None:
        page.get_by_role("heading", name="Operator").wait_for()
        self._check(
            f"{endpoint}: its page names the {operator}",
            holds=page.get_by_text(operator, exact=True).first.is_visible(),
        )
        last = page.get_by_text(re.compile(rf"^Exported \d+ .*{endpoint} to s3://"))
        last.wait_for()
        log = page.get_by_role("code").first.inner_text()
        self._check(
            f"{endpoint}: the log says what is exported, and where it lies",
            holds=f"Exporting {endpoint} [" in log,
        )
        self._check(f"{endpoint}: no key in the log", holds=self.service.key(platform) not in log)
        self.windows.picture(page, f"airflow-3.3-log-{platform}", 560)

    def _links(self, page: Page) -> dict[str, Locator]:
        page.get_by_role("link", name="Details", exact=True).click()
        page.get_by_role("heading", name="Extra Links").or_(
            page.get_by_text("Extra Links", exact=True)
        ).first.wait_for()
        found = page.locator("a[target=_blank]").filter(visible=True)
        return {link.inner_text(): link for link in found.all()}

    def _follow_manifest(self, page: Page, link: Locator, endpoint: str) -> None:
        url = urlsplit(self._opened(page, link))
        bucket, key = url.path.rpartition("/")[2], parse_qs(url.query)["prefix"][0]
        manifest = json.loads(self.s3.get_object(Bucket=bucket, Key=key)["Body"].read())
        self._check(
            f"{_MANIFEST}: {url.netloc}, {key}: {manifest['endpoint']}, {manifest['rows']} rows",
            holds=url.netloc == "s3.console.aws.amazon.com" and manifest["endpoint"] == endpoint,
        )

    @staticmethod
    def _opened(page: Page, link: Locator) -> str:
        """Click a link; return the address of the page that it opens."""
        with page.expect_popup() as opened:
            link.click()
        opened.value.wait_for_load_state()
        return str(opened.value.url)

    def _check(self, promise: str, *, holds: bool) -> None:
        self.report.check(f"3.3 {promise}", holds=holds)
