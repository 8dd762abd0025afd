"""``/_control/…``: what a test in another process may ask of the simulator and do to it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from airflow_provider_docsanalytics.simulator.query import Answer, dump

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PREFIX = "/_control/"


def answer(
    actions: Mapping[str, Callable[..., Any]], method: str, path: str, raw_query: str, body: bytes
) -> Answer:
    """Carry out a control request; 400 says what is wrong with it.

    Args:
        actions: by method and name, ``PUT quota``. Each takes the query and an object in the body
            as keywords (``dateFrom`` as ``date_from``), and a list in the body as one argument.
        method: of the request.
        path: of the request.
        raw_query: of the request.
        body: of the request, JSON.
    """
    name = f"{method} {path.removeprefix(PREFIX)}"
    if name not in actions:
        return Answer(400, dump({"error": f"no such control: {name}"}))
    try:
        given = json.loads(body) if body else {}
        keywords = dict(parse_qsl(raw_query)) | (given if isinstance(given, dict) else {})
        arguments = () if isinstance(given, dict) else (given,)
        result = actions[name](*arguments, **{_snake(key): keywords[key] for key in keywords})
    except (ValueError, TypeError, AttributeError) as error:
        return Answer(400, dump({"error": str(error)}))
    return Answer(200, dump({"ok": True} if result is None else result))


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])[A-Z]", lambda capital: f"_{capital[0].lower()}", name)
