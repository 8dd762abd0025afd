"""What makes a sensor end the same way whether it pokes, reschedules or defers."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowSensorTimeout, AirflowSkipException

from airflow_provider_docsanalytics.version_compat import AIRFLOW_V_3_2_PLUS

if TYPE_CHECKING or AIRFLOW_V_3_2_PLUS:
    from airflow.sdk.exceptions import AirflowTaskTimeout
else:
    from airflow.exceptions import AirflowTaskTimeout

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow.providers.common.compat.sdk import BaseSensorOperator, Context

_KEY = "docsanalytics_failures"


@contextmanager
def as_when_poking(sensor: BaseSensorOperator) -> Iterator[None]:
    """Let an error end the task as Airflow's sensors have it while they poke.

    ``soft_fail`` makes a skip of a time-out, ``never_fail`` of everything but the sensor's own.
    """
    try:
        yield
    except AirflowSkipException:
        raise
    except AirflowSensorTimeout as error:
        if sensor.soft_fail:
            raise AirflowSkipException("Skipping due to soft_fail is set to True.") from error
        raise
    except AirflowTaskTimeout as error:
        if sensor.soft_fail or sensor.never_fail:
            raise AirflowSkipException("Skipping since execution_timeout is over.") from error
        raise
    except Exception as error:
        if sensor.never_fail:
            raise AirflowSkipException("Skipping due to never_fail is set to True.") from error
        raise


class FailureMemory:
    """How many pokes in a row have failed, for the next one, which is another process's.

    Args:
        context: of the task; Airflow 3.3+ keeps state for it over reschedules. Before, there is
            none.
    """

    def __init__(self, context: Context) -> None:
        self._store: Any = context.get("task_state_store")
        kept = 0 if self._store is None else self._store.get(_KEY, default=0)
        self.failures = kept if isinstance(kept, int) else 0

    def keep(self, failures: int) -> bool:
        """Tell the next poke; return whether that can be done."""
        if self._store is not None:
            self._store.set(_KEY, failures)
        return self._store is not None

    def forget(self) -> None:
        """Begin at none again: the service has answered, or the task has failed."""
        if self._store is not None and self.failures:
            self._store.delete(_KEY)
