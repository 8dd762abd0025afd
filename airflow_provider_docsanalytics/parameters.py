"""The values that a parameter accepts: one rule for operators, sensor, trigger and hooks.

- A text is a ``str`` that is not empty and not ``'None'``: only the object ``None`` means the
  default.
- An ID is text, or an integer, which is converted to its digits. A ``float`` is refused, because
  its original text is lost.
- A list, a dictionary, a duration or a number has that type; its text is refused.

A wrong value is refused when the Dag is parsed; a value that contains a template, when the task
runs. This module does not use Airflow.
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
"""The templated parameters that accept any text."""
_DEFAULT_IS_NONE = ("storage_conn_id", "project_id")
_JINJA = ("{{", "{%", "{#")


def holds_template(value: object) -> bool:
    """Return whether a value is known only when the task runs: Jinja, or another task's XCom."""
    if isinstance(value, str):
        return any(mark in value for mark in _JINJA)
    if isinstance(value, Mapping):
        return any(map(holds_template, value.values()))
    if isinstance(value, Sequence | AbstractSet) and not isinstance(value, bytes):
        return any(map(holds_template, value))
    # What Airflow's XComArg and DagParam have in common.
    return hasattr(value, "iter_references")


def text(name: str, value: object) -> str:
    """Return a text that is not empty, or raise :class:`ConfigError`."""
    if not isinstance(value, str):
        raise ConfigError(
            f"{name}={value!r:.100}: expected text, got {type(value).__name__}.\n"
            "Write it in quotes."
        )
    if value.strip() in ("", "None"):
        raise ConfigError(
            f"{name}={value!r:.100} is empty.\nCorrect the template or the task that it comes "
            "from. For the default, leave the parameter out."
        )
    return value


def id_text(name: str, value: object) -> str:
    """Return an ID as text, an integer as its digits, or raise :class:`ConfigError`."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, bool | float | complex):
        raise ConfigError(
            f"{name}={value!r:.100}: expected an ID as text, got a number whose original text is "
            "lost (66e1 becomes 660.0).\nWrite it in quotes, also in a list that a template "
            "writes: \"['{{ … }}']\"."
        )
    return text(name, value)


def check_texts(owner: object, *, parsing: bool = False) -> None:
    """Check those of :data:`TEXTS` that ``owner`` has as attributes.

    Args:
        owner: an operator, a sensor or a trigger.
        parsing: skip values that contain a template.

    Raises:
        ConfigError: for the first that is not text.
    """
    for name in TEXTS:
        value = getattr(owner, name, "no such parameter")
        if (value is None and name in _DEFAULT_IS_NONE) or (parsing and holds_template(value)):
            continue
        (id_text if name == "project_id" else text)(name, value)


def whole(name: str, value: object) -> None:
    """Refuse anything but a whole number of 1 or more."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ConfigError(
            f"{name}={value!r:.100} is not a whole number of 1 or more.\n"
            "Write such a number, without quotes."
        )


def check_page_size(page_size: object, largest: int | None = None, endpoint: str = "") -> None:
    """Raise :class:`ConfigError` for a page size that ``endpoint`` does not accept.

    Args:
        page_size: rows per request; ``None`` is the largest page.
        largest: the endpoint's largest page; 0 if it has no pages, ``None`` if it is not known yet.
        endpoint: its name, for the message.
    """
    if page_size is None:
        return
    if largest == 0:
        raise ConfigError(
            f"page_size={page_size!r:.100}: {endpoint} has no pages.\nLeave out page_size."
        )
    is_integer = isinstance(page_size, int) and not isinstance(page_size, bool)
    if not is_integer or not 1 <= page_size <= (largest or page_size):  # type: ignore[operator] # is one
        allowed = f"from 1 to {largest} for {endpoint}" if largest else "of at least 1"
        raise ConfigError(
            f"page_size={page_size!r:.100} is not a whole number {allowed}.\n"
            "Correct it, or leave page_size out for the largest page."
        )


def one_of(name: str, value: object, known: Collection[object]) -> None:
    """Refuse anything but one of the known values."""
    if value not in tuple(known):  # a tuple, because a wrong value may have no hash
        values = ", ".join(map(repr, known))
        raise ConfigError(f"{name}={value!r:.100} is not a known value.\nUse one of {values}.")


def flag(name: str, value: object) -> None:
    """Refuse anything but ``True`` and ``False``: the text ``'false'`` would be true."""
    if not isinstance(value, bool):
        raise ConfigError(
            f"{name}={value!r:.100} is not a bool.\nWrite True or False, without quotes."
        )


def duration(name: str, value: object, longest: timedelta) -> None:
    """Refuse anything but a ``timedelta`` from 0 to ``longest``."""
    if not isinstance(value, timedelta) or not timedelta(0) <= value <= longest:
        raise ConfigError(
            f"{name}={value!r:.100} is not a timedelta from 0 to {longest.days} days.\n"
            "Write one, such as timedelta(hours=1)."
        )


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
