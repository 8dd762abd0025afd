"""What must hold of a distributed export: rows, files, requests, tries."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from tests.support.exported import Exported
from tests.system.celery.exports import (
    ENDPOINT,
    FROM,
    KILLED,
    PAGES,
    PAGES_PER_FILE,
    SURVIVOR,
    TO,
    directory_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.support.report import Report
    from tests.support.simulator_process import Service
    from tests.support.stores import Lake
    from tests.system.celery.exports import Export

_OK = 200
_SEVERAL = 2


def verify(
    report: Report, exports: list[Export], lake: Lake, service: Service, projects: int
) -> None:
    """Check every promise about the exports."""
    killed = [export for export in exports if export.was_killed]
    _verify_tries(report, exports, killed, projects)
    found = {export.project_id: _directory(lake, export) for export in exports}
    read = {project_id: Exported.read(files.__getitem__) for project_id, files in found.items()}
    complete = [
        each for each in found if found[each].keys() == read[each].names and not read[each].wrong
    ]
    report.check(
        f"{len(complete)} of {projects} directories hold one manifest, the files that it lists and "
        "nothing else, with its sizes, rows and sums",
        holds=len(complete) == projects,
    )
    rows = {each: read[each].rows for each in found}
    same = [each for each in rows if rows[each] == _undisturbed(service, each)]
    ids = Counter(row["id"] for each in rows.values() for row in each)
    report.check(
        f"{len(same)} of {projects} hold an undisturbed export's rows, value for value and in "
        f"order: {ids.total()} rows, {len(ids)} IDs",
        holds=len(same) == projects and len(ids) == ids.total() > 0,
    )
    _verify_resumption(report, killed, {each: read[each].manifest for each in read})
    _verify_requests(report, exports, service, projects * PAGES)


def _verify_tries(
    report: Report, exports: list[Export], killed: list[Export], projects: int
) -> None:
    ends = Counter(export.tries[-1][0] for export in exports)
    report.check(
        f"{ends['success']} of {projects} exports succeeded", holds=ends == {"success": projects}
    )
    moved = (("failed", KILLED), ("success", SURVIVOR))
    report.check(
        f"{len(killed)} exports were running on {KILLED} and finished on {SURVIVOR} in their "
        "second try",
        holds=len(killed) >= _SEVERAL and all(export.tries == moved for export in killed),
    )
    others = [export for export in exports if not export.was_killed]
    workers = dict(Counter(export.tries[0][1] for export in others))
    report.check(
        f"the other {len(others)} needed one try, on {workers}",
        holds=all(len(export.tries) == 1 for export in others),
    )


def _verify_resumption(
    report: Report, killed: list[Export], manifests: Mapping[str, Mapping[str, Any]]
) -> None:
    """Check that the other worker resumed from what had been published."""
    kept = {
        export.project_id: export.checkpoint["progress"]["files"]
        for export in killed
        if export.checkpoint and export.checkpoint["progress"]["files"]
    }
    files = sum(map(len, kept.values()))
    report.check(
        f"{len(kept)} of them resumed from checkpoints: the {files} files that they had published "
        "are their manifests' first ones",
        holds=len(kept) >= _SEVERAL
        and all(manifests[each]["files"][: len(kept[each])] == kept[each] for each in kept),
    )


def _verify_requests(report: Report, exports: list[Export], service: Service, pages: int) -> None:
    log = service.requests()
    answered = {export.project_id: Counter[str]() for export in exports}
    for entry in log:
        answered[entry["path"].split("/")[3]][entry["query"].get("cursor", "")] += 1
    again = {each: cursors.total() - len(cursors) for each, cursors in answered.items()}
    there = sum(map(len, answered.values()))
    bound = {each.project_id: PAGES_PER_FILE if each.was_killed else 0 for each in exports}
    report.check(
        f"{len(log)} pages answered, {there} different ones, {pages} there",
        holds=there == pages and all(entry["status"] == _OK for entry in log),
    )
    report.check(
        f"answered twice: {dict(+Counter(again))}, at most {PAGES_PER_FILE} for an export that was "
        "killed, none for another",
        holds=all(again[each] <= bound[each] for each in again),
    )


def _directory(lake: Lake, export: Export) -> dict[str, bytes]:
    """Return all that lies in a project's directory, by name."""
    root = f"{directory_of(export.project_id)}/"
    found = lake.read(f"{export.project_id}/")
    return {key.removeprefix(root): content for key, content in found.items()}


def _undisturbed(service: Service, project_id: str) -> list[dict[str, Any]]:
    ours = {
        "_project_id": project_id,
        "_date_from": f"{FROM}T00:00:00.000Z",
        "_date_to": f"{TO}T00:00:00.000Z",
    }
    return [ours | row for row in service.truth(ENDPOINT, FROM, TO, project_id)]
