"""What a parameter may be: one rule for operators, sensor, trigger and hooks.

- Text is text, and an empty one or ``None`` written out is an error: only the object ``None`` means
  the default.
- An ID is text, or a whole number, which is taken as its digits. A number with a point or an
  exponent has lost the text that it was.
- A list, a dictionary, a duration and a number are that, and not a text of it.

What holds a template is known when the task runs; all else is refused when the Dag is parsed.
There is no Airflow in here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_docsanalytics.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Collection

TEXTS = ("path", "storage_conn_id", "project_id", "mintlify_conn_id", "vyom_conn_id")
"""The templated parameters that are any text; an endpoint is one of a table."""
_DEFAULT_IS_NONE = ("storage_conn_id", "project_id")
_JINJA = ("{{", "{%", "{#")


def holds_template(value: object) -> bool:
    """Return whether a value is known only when the task runs: from Jinja, or another task."""
    if isinstance(value, str):
        return any(mark in value for mark in _JINJA)
    if isinstance(value, Mapping):
        return any(map(holds_template, value.values()))
    if isinstance(value, Sequence | AbstractSet) and not isinstance(value, bytes):
        return any(map(holds_template, value))
    # Airflow's own sign of what another task or a Dag's parameter gives.
    return hasattr(value, "iter_references")


def text(name: str, value: object) -> str:
    """Return a text that says something, or raise :class:`ConfigError`."""
    if not isinstance(value, str):
        raise ConfigError(
            f"{name}={value!r:.100}: expected text, got {type(value).__name__}. Write it in quotes."
        )
    if value.strip() in ("", "None"):
        raise ConfigError(
            f"{name}={value!r:.100} is empty. If it is a template or comes from another task, that "
            "has given nothing: correct it. For the default leave the parameter out."
        )
    return value


def id_text(name: str, value: object) -> str:
    """Return an ID as text, a whole number as its digits, or raise :class:`ConfigError`."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, bool | float | complex):
        raise ConfigError(
            f"{name}={value!r:.100}: expected an ID as text, got a number that may have been "
            "another text before (66e1 becomes 660.0). Write it in quotes, also in a list that a "
            "template writes: \"['{{ … }}']\"."
        )
    return text(name, value)


def check_texts(owner: object, *, parsing: bool = False) -> None:
    """Check those of :data:`TEXTS` that ``owner`` has as attributes.

    Args:
        owner: an operator, a sensor or a trigger.
        parsing: leave out what holds a template.
    """
    for name in TEXTS:
        value = getattr(owner, name, "no such parameter")
        if (value is None and name in _DEFAULT_IS_NONE) or (parsing and holds_template(value)):
            continue
        (id_text if name == "project_id" else text)(name, value)


def whole(name: str, value: object) -> None:
    """Refuse what is not a whole number of 1 or more."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ConfigError(f"{name}={value!r:.100}: expected 1 or more, a whole number.")


def check_page_size(page_size: object, largest: int | None = None, endpoint: str = "") -> None:
    """Refuse a page size that is none, or that ``endpoint`` with this ``largest`` does not have.

    Raises:
        ConfigError: it names the parameter.
    """
    if page_size is None:
        return
    if largest == 0:
        raise ConfigError(f"{endpoint} is not read by pages: leave out page_size.")
    whole = isinstance(page_size, int) and not isinstance(page_size, bool)
    if not whole or not 1 <= page_size <= (largest or page_size):  # type: ignore[operator] # is one
        most = f"from 1 to {largest} for {endpoint}" if largest else "of at least 1"
        raise ConfigError(
            f"page_size={page_size!r:.100}: expected a whole number {most}, or None for the "
            "largest page."
        )


def one_of(name: str, value: object, known: Collection[object]) -> None:
    """Refuse what is none of the known values."""
    if value not in tuple(known):  # no set: a list is wrong, too, and has no hash
        told = ", ".join(map(repr, known))
        raise ConfigError(f"{name}={value!r:.100}: expected one of {told}.")


def flag(name: str, value: object) -> None:
    """Refuse what is neither ``True`` nor ``False``: the text 'false' would be true."""
    if not isinstance(value, bool):
        raise ConfigError(f"{name}={value!r:.100}: expected True or False.")


def duration(name: str, value: object, longest: timedelta) -> None:
    """Refuse what is not a ``timedelta`` from 0 to ``longest``."""
    if not isinstance(value, timedelta) or not timedelta(0) <= value <= longest:
        raise ConfigError(
            f"{name}={value!r:.100}: expected a timedelta of 0 or more, at most {longest.days} "
            "days, e.g. timedelta(hours=1)."
        )


class KeepsText:
    """Put before Airflow's base class: native rendering gives lists, dictionaries and dates.

    Everything else is the text that it is in other Dags. Jinja would make ``1000`` of the ID
    ``1_000``, ``6.61e+32`` of ``661e30``, and nothing of the text ``None``.
    """

    def render_template(
        self, content: Any, context: Any, jinja_env: Any = None, seen_oids: Any = None
    ) -> Any:
        """Render as Airflow does, and undo what Jinja has guessed."""
        rendered = super().render_template(content, context, jinja_env, seen_oids)  # type: ignore[misc]
        kept = isinstance(rendered, date | Sequence | AbstractSet | Mapping)
        if content is None or (kept and not isinstance(rendered, bytes)):
            return rendered
        if isinstance(content, str):
            plain = self.dag.get_template_env(force_sandboxed=True)  # type: ignore[attr-defined]
            # By items: what Airflow 2 has renamed warns when it is taken by name.
            return plain.from_string(content).render(dict(context.items()))
        # What another task gives is nothing, and not the default.
        return "None" if rendered is None else rendered
