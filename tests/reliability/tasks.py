"""Tasks as Airflow runs them: an operator and a context, each leg in a process of its own."""

from __future__ import annotations

import json
import logging
import os
from contextlib import redirect_stdout
from io import StringIO
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from tests.support.airflow_home import airflow_environment

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.simulator_process import Service


class StateFile:
    """Airflow's task state store, in a file: what JSON takes, by key."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def get(self, key: str, default: Any = None) -> Any:
        """Return the value of a key."""
        return self._all().get(key, default)

    def set(self, key: str, value: Any) -> None:
        """Set the value of a key."""
        self._path.write_text(json.dumps(self._all() | {key: value}))

    def delete(self, key: str) -> None:
        """Remove a key."""
        self._path.write_text(json.dumps({k: v for k, v in self._all().items() if k != key}))

    def _all(self) -> dict[str, Any]:
        return json.loads(self._path.read_text()) if self._path.exists() else {}


class Warnings(logging.Handler):
    """The warnings of this provider, as a user reads them in the task's log."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a message."""
        self.said.append(record.getMessage())


def in_airflow(service: Service, home: Path) -> Warnings:
    """Make this process a worker with a connection to the service; return what it warns of."""
    connection = json.dumps(service.connection(max_wait_s=0, max_attempts=1))
    os.environ.update(airflow_environment(home, AIRFLOW_CONN_MINTLIFY_DEFAULT=connection))
    warnings = Warnings()
    with redirect_stdout(StringIO()):
        import airflow_provider_docsanalytics.operators.mintlify  # noqa: F401 - Airflow sets logging up
    logging.disable(logging.NOTSET)
    log = logging.getLogger("airflow_provider_docsanalytics")
    log.addHandler(warnings)
    log.setLevel(logging.WARNING)  # another part may have told Airflow to say less
    log.propagate = False
    return warnings


def execute(
    context: dict[str, Any],
    event: Any = None,
    rendered: dict[str, str] | None = None,
    **arguments: Any,
) -> dict[str, Any]:
    """Run an operator, with what its templates give now; return its summary."""
    from airflow_provider_docsanalytics.operators.mintlify import MintlifyExportOperator

    with redirect_stdout(StringIO()):  # Airflow's log
        operator = MintlifyExportOperator(task_id="export", **arguments)
        for name, value in (rendered or {}).items():
            setattr(operator, name, value)
        summary: dict[str, Any] = (
            operator.execute(context) if event is None else operator.resume(context, event)
        )
    return summary


def context(run_id: str = "scheduled__1", **more: Any) -> dict[str, Any]:
    """Return what a task of Airflow gets."""
    ti = SimpleNamespace(dag_id="docs", run_id=run_id, task_id="export", map_index=-1)
    return {"ti": ti, **more}
