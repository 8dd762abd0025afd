"""Suites on real Airflows, brokers, stores and browsers: slow, and run only on demand."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.report import Report, table

if TYPE_CHECKING:
    from collections.abc import Iterator

_HERE = Path(__file__).parent


def pytest_configure() -> None:
    """End in order on SIGTERM, so that the servers end, too."""
    signal.signal(signal.SIGTERM, _exit)


def _exit(*_: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    pytest.exit("ended by a signal", returncode=1)


def pytest_ignore_collect(config: pytest.Config) -> bool | None:
    """Import nothing of this directory unless it is selected: each suite has its own packages."""
    return None if config.option.markexpr in ("system", "short") else True


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark all tests of this directory."""
    for item in items:
        if _HERE in item.path.parents:
            item.add_marker(pytest.mark.system)


@pytest.fixture
def report() -> Iterator[Report]:
    """What the test measures and promises; a promise that does not hold fails it at its end."""
    report = Report()
    print()
    yield report
    assert not report.failed, "\n".join(report.failed)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table, where there is one."""
    for line in table(Report.rows) if Report.rows else ():
        terminalreporter.write_line(line)
