"""What makes the sensor behave the same whether it pokes, reschedules or defers."""

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
    """End the task on an error as Airflow's sensors do while they poke.

    ``soft_fail`` skips the task on a timeout, ``never_fail`` on everything but the sensor's own
    timeout.
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


class FailureCount:
    """The consecutive failures of a sensor whose next poke is another process.

    Args:
        context: of the task. Airflow 3.3+ keeps state over reschedules in it, earlier versions do
            not.
    """

    def __init__(self, context: Context) -> None:
        self._store: Any = context.get("task_state_store")
        stored = 0 if self._store is None else self._store.get(_KEY, default=0)
        self.failures = stored if isinstance(stored, int) else 0

    def save(self, failures: int) -> bool:
        """Store the count for the next poke; return whether this Airflow can."""
        if self._store is not None:
            self._store.set(_KEY, failures)
        return self._store is not None

    def reset(self) -> None:
        """Delete the count: a poll has succeeded, or the task has failed."""
        if self._store is not None and self.failures:
            self._store.delete(_KEY)
