"""The simulator: both services with one data set, a quota, faults, a log, and the admin API.

The admin API, ``/_control/…``, lets another process do what the methods of :class:`Simulator` do.
"""

from __future__ import annotations

import json
import re
import time
from dataclasses import replace
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self, TypedDict
from urllib.parse import parse_qsl

from airflow_provider_docsanalytics.simulator import mintlify, values, vyom
from airflow_provider_docsanalytics.simulator.data import RESOLUTIONS, Config, Dataset
from airflow_provider_docsanalytics.simulator.faults import (
    KINDS,
    NO_RESPONSE,
    Fault,
    Faults,
    Kind,
    apply_fault,
)
from airflow_provider_docsanalytics.simulator.http_server import Reply, Server
from airflow_provider_docsanalytics.simulator.request import (
    Quota,
    RefusedError,
    Request,
    Response,
    Route,
    dump,
)
from airflow_provider_docsanalytics.simulator.values import ALL_TIME, Window

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_ADMIN_PREFIX = "/_control/"
_LOGGED_HEADERS = ("User-Agent", "Accept", "Accept-Encoding", "Connection")
_POLL_S = 0.01


class _Service(Protocol):
    """What the modules of both services provide."""

    def find(self, path: str) -> Route: ...
    def respond(self, data: Dataset, route: Route, raw_query: str) -> Response: ...
    def refusal(self, refused: RefusedError) -> bytes: ...


class Entry(TypedDict):
    """One request in the log. ``status`` is None if no response was sent."""

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

    It serves inside a ``with`` block, from threads of its own. Each key of the organisation, which
    are ``mint_sim_0000000000000000``, ``mint_sim_0000000000000000_2`` and so on, opens all
    ``projects``: ``proj_sim_docs``, ``proj_sim_docs_2`` and so on, each with rows of its own.
    Vyom's calls are those of the first one. A subclass may have more ``fault_kinds``.
    """

    fault_kinds: ClassVar[Mapping[str, Kind]] = KINDS

    project_id = "proj_sim_docs"
    mintlify_key = "mint_sim_0000000000000000"
    vyom_key = "vyom-sim-0000000000000000"

    def __init__(
        self,
        config: Config | None = None,
        *,
        projects: int = 1,
        keys: int = 1,
        port: int = 0,
        quota: Quota | None = None,
        latency_ms: float = 0,
        gzip: bool = False,
        faults: Iterable[Any] = (),
    ) -> None:
        self.config = config or Config()
        self.latency_ms = latency_ms
        self.gzip = gzip
        ids = [self.project_id, *(f"{self.project_id}_{n}" for n in range(2, projects + 1))]
        self._key_endings = ["", *(f"_{n}" for n in range(2, keys + 1))]
        seed = self.config.seed
        self._configs = {name: replace(self.config, seed=seed + n) for n, name in enumerate(ids)}
        self._projects = {name: Dataset(config) for name, config in self._configs.items()}
        self._quota = quota
        self._faults = Faults(self.fault_kinds)
        self._faults.add(faults)
        self._log: list[Entry] = []
        self._log_lock = Lock()
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
        """The log so far: every request but those to the admin API."""
        with self._log_lock:
            return list(self._log)

    def clear_requests(self) -> None:
        """Empty the log; numbers start at 1 again."""
        with self._log_lock:
            self._log.clear()

    def add_faults(self, specs: Iterable[Any]) -> None:
        """Add faults; :mod:`.faults` describes them."""
        self._faults.add(specs)

    def clear_faults(self) -> None:
        """Remove all faults."""
        self._faults.clear()

    def expire_cursors(self) -> None:
        """Make every cursor that was returned so far invalid."""
        for data in self._projects.values():
            data.cursor_age += 1

    def set_quota(
        self,
        limit: int | None,
        period_s: float = 3600,
        retry_after: str = "seconds",
        others: int = 0,
    ) -> None:
        """Start a new quota for Mintlify's endpoints, or remove it (None)."""
        self._quota = None if limit is None else Quota(limit, period_s, retry_after, others)

    def add_turns(
        self, count: int = 1, timestamp: str | None = None, resolution_status: str | None = None
    ) -> None:
        """Add conversation turns at one instant (default: now), each a thread of its own.

        If there are several projects, the first one gets them.
        """
        if count < 1 or resolution_status not in (None, *RESOLUTIONS):
            raise ValueError(
                f"Cannot add turns with count={count}, resolutionStatus={resolution_status!r}.\n"
                f"Use a count of at least 1 and a resolutionStatus of {', '.join(RESOLUTIONS)}."
            )
        instant_ms = (
            int(time.time() * 1000) if timestamp is None else values.parse_instant(timestamp)
        )
        self._projects[self.project_id].turns.add(count, instant_ms, resolution_status)

    def reset(self) -> None:
        """Restore the data set of the configuration, with no quota, no faults and an empty log."""
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
            ValueError: The endpoint, the project or a date is unknown.
        """
        data = self._projects.get(project_id or self.project_id)
        if data is None:
            raise ValueError(
                f"Unknown project {project_id!r}.\nUse one of {', '.join(self._projects)}."
            )
        window = Window(
            ALL_TIME.start_ms if date_from is None else values.parse_instant(date_from),
            ALL_TIME.end_ms if date_to is None else values.parse_instant(date_to),
        )
        if endpoint in mintlify.ENDPOINTS:
            return mintlify.truth(data, endpoint, window, **filters)
        if endpoint in vyom.ENDPOINTS:
            return vyom.truth(data, endpoint, window, **filters)
        known = (*mintlify.ENDPOINTS, *vyom.ENDPOINTS)
        raise ValueError(f"Unknown endpoint {endpoint!r}.\nUse one of {', '.join(known)}.")

    def _respond(self, request: Request) -> Reply:
        if request.path.startswith(_ADMIN_PREFIX):
            return Reply(self._administer(request))
        route = _service(request.path).find(request.path)
        fault = self._faults.pick(route.endpoint, request.path, request.query)
        response = self._answer(request, route, fault)
        self._record(request, route, response, fault)
        delay_s = self.latency_ms / 1000
        if fault is None:
            return Reply(response, delay_s, self.gzip)
        options = fault.options
        delay_s += options.get("seconds", 0)
        return Reply(response, delay_s, self.gzip, fault.kind, options.get("bytes_per_s", 0))

    def _answer(self, request: Request, route: Route, fault: Fault | None) -> Response:
        """Return the service's response, with the fault applied."""
        service = _service(request.path)
        try:
            data = self._admit(request, route)
            response = service.respond(data, route, request.raw_query)
        except RefusedError as refused:
            response = Response(refused.status, service.refusal(refused), headers=refused.headers)
        return response if fault is None else apply_fault(fault, response)

    def _admit(self, request: Request, route: Route) -> Dataset:
        """Check path, method, key and quota; return the data that the request is for.

        Raises:
            RefusedError: 401, 403, 404, 405 or 429.
        """
        if route.endpoint is None:
            raise RefusedError(404, "Not found")
        if request.method != "GET":
            raise RefusedError(405, "Method not allowed", headers={"Allow": "GET"})
        for_mintlify = route.platform == mintlify.PLATFORM
        key = self.mintlify_key if for_mintlify else self.vyom_key
        endings = self._key_endings if for_mintlify else [""]
        if request.headers.get("Authorization") not in {f"Bearer {key}{end}" for end in endings}:
            raise RefusedError(401, "Unauthorized", headers={"WWW-Authenticate": "Bearer"})
        if not for_mintlify:
            return self._projects[self.project_id]
        if route.project_id not in self._projects:
            raise RefusedError(403, "This API key does not serve this project")
        if self._quota is not None:
            self._quota.spend()
        return self._projects[route.project_id]

    def _record(
        self, request: Request, route: Route, response: Response, fault: Fault | None
    ) -> None:
        headers: dict[str, str | dict[str, bool]] = {
            name: request.headers[name] for name in _LOGGED_HEADERS if name in request.headers
        }
        headers["Authorization"] = {"present": "Authorization" in request.headers}
        no_response = fault is not None and fault.kind in NO_RESPONSE
        with self._log_lock:
            self._log.append(
                {
                    "n": len(self._log) + 1,
                    "at": time.time(),
                    "platform": route.platform,
                    "endpoint": route.endpoint,
                    "path": request.path,
                    "query": request.query,
                    "status": None if no_response else response.status,
                    "rows": response.rows,
                    "fault": fault.kind if fault else None,
                    "headers": headers,
                    "connection": request.connection,
                }
            )

    def _administer(self, request: Request) -> Response:
        """Carry out a request to the admin API; a 400 says what is wrong with it.

        An action takes the query and an object in the body as keywords (``dateFrom`` as
        ``date_from``), and a list in the body as one argument.
        """
        actions: dict[str, Callable[..., Any]] = {
            "GET requests": self._requests_of,
            "DELETE requests": self.clear_requests,
            "POST faults": self.add_faults,
            "DELETE faults": self.clear_faults,
            "DELETE cursors": self.expire_cursors,
            "PUT quota": self.set_quota,
            "POST turns": self.add_turns,
            "GET truth": self._truth,
        }
        name = f"{request.method} {request.path.removeprefix(_ADMIN_PREFIX)}"
        if name not in actions:
            return Response(400, dump({"error": f"{name}: use one of {', '.join(actions)}"}))
        try:
            given = json.loads(request.body) if request.body else {}
            keywords = dict(parse_qsl(request.raw_query))
            keywords |= given if isinstance(given, dict) else {}
            arguments = () if isinstance(given, dict) else (given,)
            result = actions[name](*arguments, **{_snake(key): keywords[key] for key in keywords})
        except (ValueError, TypeError, AttributeError) as error:
            return Response(400, dump({"error": str(error)}))
        return Response(200, dump({"ok": True} if result is None else result))

    def _requests_of(self, endpoint: str | None = None) -> list[Entry]:
        return [entry for entry in self.requests if endpoint in (None, entry["endpoint"])]

    def _truth(self, **selection: str) -> dict[str, Any]:
        rows, totals = self.truth(**selection)
        return {"rows": rows, "totals": totals}


def _service(path: str) -> _Service:
    return vyom if path.startswith(vyom.PREFIX) else mintlify


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])[A-Z]", lambda capital: f"_{capital[0].lower()}", name)
