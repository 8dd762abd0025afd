"""The simulator: both services in front of one data set, with a quota, faults and a log."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any, Protocol, Self, TypedDict
from urllib.parse import parse_qsl

from airflow_provider_docsanalytics.simulator import admin_api, mintlify, timestamps, vyom
from airflow_provider_docsanalytics.simulator.apply_fault import spoil
from airflow_provider_docsanalytics.simulator.config import Config
from airflow_provider_docsanalytics.simulator.cursor_aliases import Detours
from airflow_provider_docsanalytics.simulator.data import RESOLUTIONS, Dataset
from airflow_provider_docsanalytics.simulator.faults import Fault, Faults
from airflow_provider_docsanalytics.simulator.http_server import Reply, Server
from airflow_provider_docsanalytics.simulator.query import Answer, Asked, RefusedError, Route
from airflow_provider_docsanalytics.simulator.quota import Quota
from airflow_provider_docsanalytics.simulator.timestamps import ALL_TIME, Window

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_LOGGED_HEADERS = ("User-Agent", "Accept", "Accept-Encoding", "Connection")
_POLL_S = 0.05
_UNANSWERED = ("hang", "reset_before_headers")


class _Service(Protocol):
    """What the modules of the two services have in common."""

    PLATFORM: str

    def find(self, path: str) -> Route: ...
    def answer(self, data: Dataset, route: Route, raw_query: str) -> Answer: ...
    def refusal(self, refused: RefusedError) -> bytes: ...


class Entry(TypedDict):
    """One request in the log. ``status`` is None if no answer was begun."""

    n: int
    at: float
    platform: str
    endpoint: str | None
    path: str
    query: dict[str, str]
    status: int | None
    rows: int
    fault: str | None
    headers: dict[str, str | dict[str, bool]]
    connection: int


class Simulator:
    """A stand-in for Mintlify's and Vyom's analytics APIs on a port of 127.0.0.1.

    It serves inside a ``with`` block, from threads of its own. Of several ``projects`` behind the
    one key, each has rows of its own: the further ones are called ``proj_sim_docs_2`` and so on.
    Vyom's calls are the first one's.
    """

    project_id = "proj_sim_docs"
    mintlify_key = "mint_sim_0000000000000000"
    vyom_key = "vyom-sim-0000000000000000"

    def __init__(
        self,
        config: Config | None = None,
        *,
        projects: int = 1,
        port: int = 0,
        quota: Quota | None = None,
        latency_ms: float = 0,
        pretty: bool = False,
        gzip: bool = False,
        faults: Iterable[Any] = (),
    ) -> None:
        self.config = config or Config()
        self.latency_ms = latency_ms
        self.gzip = gzip
        self._pretty = pretty
        ids = [self.project_id, *(f"{self.project_id}_{n}" for n in range(2, projects + 1))]
        seed = self.config.seed
        self._configs = {name: replace(self.config, seed=seed + n) for n, name in enumerate(ids)}
        self._projects = {name: Dataset(config) for name, config in self._configs.items()}
        self._quota = quota
        self._faults = Faults()
        self._faults.add(faults)
        self._detours = Detours()
        self._log: list[Entry] = []
        self._logging = Lock()
        self._server = Server(port, self._respond)
        self.url = self._server.url

    def __enter__(self) -> Self:
        Thread(target=self._server.serve_forever, args=(_POLL_S,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        """End every connection, also those that hang or drip."""
        self._server.close()

    @property
    def requests(self) -> list[Entry]:
        """Return the log so far: every request but those to the control endpoint."""
        with self._logging:
            return list(self._log)

    def clear_requests(self) -> None:
        """Forget the log; numbers start at 1 again."""
        with self._logging:
            self._log.clear()

    def add_faults(self, specs: Iterable[Any]) -> None:
        """Script faults, in the form that :mod:`.faults` describes."""
        self._faults.add(specs)

    def clear_faults(self) -> None:
        """Forget all faults."""
        self._faults.clear()

    def expire_cursors(self) -> None:
        """From now on refuse every cursor that was given until now."""
        for data in self._projects.values():
            data.cursor_age += 1

    def set_quota(
        self, limit: int | None, period_s: float = 3600, retry_after: str = "seconds"
    ) -> None:
        """Start a new quota for Mintlify's endpoints, or lift it (None)."""
        self._quota = None if limit is None else Quota(limit, period_s, retry_after)

    def add_turns(
        self, count: int = 1, timestamp: str | None = None, resolution_status: str | None = None
    ) -> None:
        """Add conversation turns of one instant (default: now), each a thread of its own.

        Of several projects, the first one gets them.
        """
        if count < 1 or resolution_status not in (None, *RESOLUTIONS):
            raise ValueError(f"count is at least 1, resolutionStatus one of {RESOLUTIONS}")
        instant_ms = int(time.time() * 1000) if timestamp is None else timestamps.parse(timestamp)
        self._projects[self.project_id].turns.add(count, instant_ms, resolution_status)

    def reset(self) -> None:
        """Go back to the data set of the configuration, with no quota, no faults, empty log."""
        self._projects = {name: Dataset(config) for name, config in self._configs.items()}
        self._quota = None
        self.clear_faults()
        self.clear_requests()

    def truth(
        self,
        endpoint: str,
        date_from: str | None = None,
        date_to: str | None = None,
        *,
        project_id: str | None = None,
        **filters: str,
    ) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """Return all rows and the whole-response fields of ``[date_from, date_to)``, unpaged.

        The window is half-open for Vyom's endpoints, too. Filters are the endpoint's own.

        Raises:
            ValueError: The endpoint, a date or the project is none.
        """
        data = self._projects.get(project_id or self.project_id)
        if data is None:
            raise ValueError(f"{project_id!r} is not a project")
        window = Window(
            ALL_TIME.start_ms if date_from is None else timestamps.parse(date_from),
            ALL_TIME.end_ms if date_to is None else timestamps.parse(date_to),
        )
        if endpoint in mintlify.ENDPOINTS:
            return mintlify.truth(data, endpoint, window, **filters)
        if endpoint in vyom.ENDPOINTS:
            return vyom.truth(data, endpoint, window, **filters)
        raise ValueError(f"{endpoint!r} is not an endpoint")

    def _respond(self, asked: Asked, body: bytes) -> Reply:
        if asked.path.startswith(admin_api.PREFIX):
            query = (asked.method, asked.path, asked.raw_query)
            return Reply(admin_api.answer(self._actions(), *query, body))
        answer, fault = self._answer(asked)
        return Reply(answer, fault, self.latency_ms / 1000, self.gzip)

    def _actions(self) -> dict[str, Callable[..., Any]]:
        """Return what ``/_control/…`` may do."""
        return {
            "GET requests": self._requests_of,
            "DELETE requests": self.clear_requests,
            "POST faults": self.add_faults,
            "DELETE faults": self.clear_faults,
            "DELETE cursors": self.expire_cursors,
            "PUT quota": self.set_quota,
            "POST turns": self.add_turns,
            "GET truth": self._truth,
        }

    def _requests_of(self, endpoint: str | None = None) -> list[Entry]:
        return [entry for entry in self.requests if endpoint in (None, entry["endpoint"])]

    def _truth(self, **asked: str) -> dict[str, Any]:
        rows, totals = self.truth(**asked)
        return {"rows": rows, "totals": totals}

    def _answer(self, asked: Asked) -> tuple[Answer, Fault | None]:
        """Return the answer to a request, spoiled and logged, and what else is to go wrong."""
        service: _Service = vyom if asked.path.startswith(vyom.PREFIX) else mintlify
        route = service.find(asked.path)
        query = dict(parse_qsl(asked.raw_query, keep_blank_values=True))
        fault = self._faults.pick(route.endpoint, asked.path, query)
        ignored = "offset" if fault is not None and fault.kind == "ignored_offset" else None
        try:
            answer = self._serve(service, route, asked, ignored)
        except RefusedError as refused:
            answer = Answer(refused.status, service.refusal(refused), headers=refused.headers)
        if self._pretty:
            answer = _prettier(answer)
        if fault is not None:
            answer = spoil(fault, answer, query, self._detours)
        self._record(asked, route, query, answer, fault)
        return answer, fault

    def _serve(self, service: _Service, route: Route, asked: Asked, ignored: str | None) -> Answer:
        if route.endpoint is None:
            raise RefusedError(404, "Not found")
        if asked.method != "GET":
            raise RefusedError(405, "Method not allowed", headers={"Allow": "GET"})
        for_mintlify = route.platform == mintlify.PLATFORM
        key = self.mintlify_key if for_mintlify else self.vyom_key
        if asked.headers.get("Authorization") != f"Bearer {key}":
            raise RefusedError(401, "Unauthorized", headers={"WWW-Authenticate": "Bearer"})
        if for_mintlify:
            if route.project_id not in self._projects:
                raise RefusedError(403, "This API key does not serve this project")
            if self._quota is not None:
                self._quota.spend()
        data = self._projects[route.project_id if for_mintlify else self.project_id]
        return service.answer(data, route, self._detours.resolve(asked.raw_query, ignored))

    def _record(
        self,
        asked: Asked,
        route: Route,
        query: dict[str, str],
        answer: Answer,
        fault: Fault | None,
    ) -> None:
        headers: dict[str, str | dict[str, bool]] = {
            name: asked.headers[name] for name in _LOGGED_HEADERS if name in asked.headers
        }
        headers["Authorization"] = {"present": "Authorization" in asked.headers}
        unanswered = fault is not None and fault.kind in _UNANSWERED
        with self._logging:
            self._log.append(
                {
                    "n": len(self._log) + 1,
                    "at": time.time(),
                    "platform": route.platform,
                    "endpoint": route.endpoint,
                    "path": asked.path,
                    "query": query,
                    "status": None if unanswered else answer.status,
                    "rows": answer.rows,
                    "fault": fault.kind if fault else None,
                    "headers": headers,
                    "connection": asked.connection,
                }
            )


def _prettier(answer: Answer) -> Answer:
    text = json.dumps(json.loads(answer.body), ensure_ascii=False, indent=2)
    return replace(answer, body=text.encode())
