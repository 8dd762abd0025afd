"""``/_control/…``: what a test in another process may ask of the simulator and do to it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from airflow_provider_docsanalytics.simulator.query import Answer, dump

if TYPE_CHECKING:
    from airflow_provider_docsanalytics.simulator.server import Simulator

PREFIX = "/_control/"


def answer(simulator: Simulator, method: str, path: str, raw_query: str, body: bytes) -> Answer:
    """Carry out a control request; 400 says what is wrong with it."""
    query = dict(parse_qsl(raw_query))
    try:
        result = _do(simulator, f"{method} {path.removeprefix(PREFIX)}", query, body)
    except (ValueError, TypeError, AttributeError) as error:
        return Answer(400, dump({"error": str(error)}))
    return Answer(200, dump(result))


def _do(simulator: Simulator, action: str, query: dict[str, str], body: bytes) -> Any:
    match action:
        case "GET requests":
            wanted = query.get("endpoint")
            return [entry for entry in simulator.requests if wanted in (None, entry["endpoint"])]
        case "DELETE requests":
            simulator.clear_requests()
        case "POST faults":
            simulator.add_faults(json.loads(body))
        case "DELETE faults":
            simulator.clear_faults()
        case "DELETE cursors":
            simulator.expire_cursors()
        case "PUT quota":
            simulator.set_quota(**json.loads(body))
        case "POST turns":
            turns = json.loads(body)
            turns["resolution_status"] = turns.pop("resolutionStatus", None)
            simulator.add_turns(**turns)
        case "GET truth":
            names = {"dateFrom": "date_from", "dateTo": "date_to", "projectId": "project_id"}
            asked = {names.get(name, name): value for name, value in query.items()}
            rows, totals = simulator.truth(**asked)
            return {"rows": rows, "totals": totals}
        case _:
            raise ValueError(f"no such control: {action}")
    return {"ok": True}
