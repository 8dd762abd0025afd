"""How the templates of operators and sensor are rendered."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from datetime import date
from typing import TYPE_CHECKING, Any

from jinja2 import UndefinedError

from airflow_provider_docsanalytics._airflow_retry import airflow_failures
from airflow_provider_docsanalytics._run_interval import HOW_TO_TRIGGER, has_logical_date
from airflow_provider_docsanalytics.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

_MISSING_VARIABLE = re.compile(
    r"Variable (?P<name>\w[^\s']*) (?:not found|does not exist)"
    r"|VARIABLE_NOT_FOUND: {'key': '(?P<key>[^']+)'"
)
"""The words of Airflow 3.1 and later, of Airflow 2, and of 3.0."""


class KeepsText:
    """Mixin before Airflow's base class: native rendering keeps texts as they are.

    In a Dag with ``render_template_as_native_obj=True``, Jinja would turn the ID ``1_000`` into
    ``1000``, ``661e30`` into ``6.61e+32``, and the text ``None`` into an object. With this mixin
    only lists, dictionaries and dates are native; all else is the text that other Dags get.
    """

    def render_template(
        self, content: Any, context: Any, jinja_env: Any = None, seen_oids: Any = None
    ) -> Any:
        """Render as Airflow does, then restore texts that Jinja has parsed."""
        with airflow_failures(), _explained(content, context):
            rendered = super().render_template(content, context, jinja_env, seen_oids)  # type: ignore[misc]
        kept = isinstance(rendered, date | Sequence | AbstractSet | Mapping)
        if content is None or (kept and not isinstance(rendered, bytes)):
            return rendered
        if isinstance(content, str):
            plain = self.dag.get_template_env(force_sandboxed=True)  # type: ignore[attr-defined]
            # By items(): in Airflow 2, access by a deprecated name warns.
            return plain.from_string(content).render(dict(context.items()))
        # None from another task is an empty value, not the default.
        return "None" if rendered is None else rendered


@contextmanager
def _explained(content: object, context: Mapping[str, Any]) -> Iterator[None]:
    """Say what to do where a template uses a variable or a name that is not there."""
    try:
        yield
    except UndefinedError as error:
        if has_logical_date(context):
            raise
        raise ConfigError(
            f"The template {content!r:.200} fails: {error}. This run has no logical date, and so "
            "no ds, ts, logical_date and data_interval_start.\n"
            f"{HOW_TO_TRIGGER}, or use {{{{ dag_run.run_after }}}}, which every run has."
        ) from error
    except Exception as error:  # of another class in each Airflow
        missing = _MISSING_VARIABLE.search(str(error))
        if missing is None:
            raise
        name = missing["name"] or missing["key"]
        raise ConfigError(
            f"The template {content!r:.200} needs the variable {name!r}, which does not exist, or "
            "Airflow cannot read it.\n"
            f"Create it: airflow variables set {name} VALUE. If AIRFLOW_VAR_{name.upper()} holds "
            "it, set that where the task runs."
        ) from error
