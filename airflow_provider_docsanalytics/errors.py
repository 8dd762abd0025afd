"""Every error that this provider raises, by what you should do about it.

::

    DocsAnalyticsError
    ├── ConfigError          fix the Dag or the connection; a retry does not help
    ├── Superseded           nothing: another attempt does this export
    ├── StorageError         the storage failed: read the message; a retry resumes
    │   └── StorageRefused   access denied: grant the right that the message names
    ├── ApiError             the service returned an error status
    │   ├── AuthError        401, 403 from the API itself: fix the key; a retry does not help
    │   ├── InvalidRequest   400, 422 from the API itself: fix the value; a retry does not help
    │   ├── NotFound         404: fix the ID, or accept that it is gone
    │   ├── RateLimited      429, or a 403 about a rate limit: wait; a retry resumes
    │   │   └── QuotaReached the ledger has no room, so no request was sent: wait; a retry resumes
    │   └── ServerError      5xx, 408, 421, 425: retry, but not before the ``Retry-After``
    │       └── TooWide      504, 522, 524 on every attempt, or 413, 414, 431: or narrow the window
    ├── CursorLost           the cursor of an earlier run has expired: read from the beginning
    ├── Unreachable          timeout, DNS, reset, truncated response, a firewall's page: retry
    └── BadResponse          a response that violates the API's documentation: read the message

There is no Airflow in here: :mod:`._retry` decides what to do about each, and
:mod:`._airflow_retry` translates that to Airflow's exceptions.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

LONGEST_RETRY_AFTER = timedelta(days=1)
"""The longest ``Retry-After`` that counts; a longer one counts as this much."""
_RESUMES = "A retry resumes where this attempt stopped."


class DocsAnalyticsError(Exception):
    """The base of all errors of this provider. Each can be pickled and copied.

    Attributes:
        remedy: the action to take, if it is not part of the message itself; ``str()`` puts it on a
            line of its own.
        resumes: what a retry of the task does, if that is worth a sentence.
        place: the service, the connection and the project, if the message does not name them.
    """

    remedy: str = ""
    resumes: str = ""
    place: str = ""

    @property
    def summary(self) -> str:
        """What happened and where, without the action to take."""
        what, newline, more = self._what.partition("\n")
        place = f" Service: {self.place}." if self.place else ""
        return f"{what}{place}{newline}{more}"

    @property
    def message_without_retry(self) -> str:
        """The message where no task is retried: for the test of a connection."""
        return "\n".join(filter(None, (self.summary, self.remedy)))

    def __str__(self) -> str:
        action = " ".join(filter(None, (self.remedy, self.resumes)))
        return "\n".join(filter(None, (self.summary, action)))

    @property
    def _what(self) -> str:
        return super().__str__()

    def __reduce__(self) -> tuple[Any, ...]:
        """Return how to recreate the error without ``__init__``, from its complete state.

        Python would recreate it from ``args`` alone, which lack a subclass's keyword arguments.
        """
        return _recreate, (type(self), *self.args), vars(self)


def _recreate(kind: type[DocsAnalyticsError], *args: Any) -> DocsAnalyticsError:
    return kind.__new__(kind, *args)


class ConfigError(DocsAnalyticsError, ValueError):
    """A parameter or a connection field is wrong; raised before any request is sent."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.remedy = remedy


class Superseded(DocsAnalyticsError):  # noqa: N818 - named for what happened, as in the docs
    """Another attempt has taken over this export; this one stopped without touching it."""


class StorageError(DocsAnalyticsError, OSError):
    """The storage failed, denied access or has lost a part; published parts are kept."""


class StorageRefused(StorageError):  # noqa: N818 - named for what happened
    """The storage denied access: the connection lacks the right that the message names."""


class ApiError(DocsAnalyticsError):
    """The service returned an error status.

    Attributes:
        status: the HTTP status.
        endpoint: the endpoint's name in the endpoint table.
        detail: the API's own ``error`` and ``details[].message``, or whatever else the response
            contains, at most 500 characters.
        retry_after_s: seconds until a retry is allowed, if the service gives a ``Retry-After``.
        note: a fact about this status at this service, for the message.
        from_api: ``False`` if an intermediary returned the error, as an HTML page.
    """

    remedy = "Check the parameters of the task against the API's response."

    def __init__(
        self,
        status: int,
        endpoint: str,
        detail: str,
        *,
        retry_after_s: float | None = None,
        note: str = "",
        from_api: bool = True,
    ) -> None:
        super().__init__(status, endpoint, detail)
        self.status = status
        self.endpoint = endpoint
        self.detail = detail
        self.retry_after_s = retry_after_s
        self.note = note
        self.from_api = from_api

    @property
    def summary(self) -> str:
        """What happened and where, without the action to take."""
        return f"{super().summary} {self.note}".rstrip()

    @property
    def when(self) -> str:
        """When to retry, as a sentence."""
        return f"Try again in {self.retry_after_s:.0f} s." if self.retry_after_s else ""

    @property
    def _what(self) -> str:
        return f"{self.endpoint}: HTTP {self.status}: {self.detail.removesuffix('.')}."


class AuthError(ApiError):
    """401 or 403 from the API itself: it rejected the key."""

    @property
    def remedy(self) -> str:  # type: ignore[override]
        """The action to take: a rejected key (401) and a key without the right (403) differ."""
        if self.status == 401:  # noqa: PLR2004 - the status is the name
            return (
                "The key is wrong or has expired: create a new one and save it as the connection's "
                "password."
            )
        return (
            "The response does not say why. Check each: the key's scope (it needs read), its "
            "address allowlist, the plan, whether the project belongs to the key's organisation, "
            "and whether a firewall in front of the API blocks this client."
        )


class InvalidRequest(ApiError):  # noqa: N818 - named for the status
    """400 or 422 from the API itself, to a request without a cursor: it refuses a value of it."""


class NotFound(ApiError):  # noqa: N818 - named for the status
    """404: no such project, thread or path."""

    remedy = "Check the project ID, the thread ID and the base URL."


class RateLimited(ApiError):  # noqa: N818 - a plan, not a crash
    """429: the organisation's quota is used up; ``retry_after_s`` is ``None`` if not given.

    Also a 403 with a ``Retry-After`` or with a text about a rate limit.
    """

    resumes = "Exported rows are kept; a retry resumes."

    @property
    def remedy(self) -> str:  # type: ignore[override]
        """The action to take: wait."""
        return f"The service's quota is used up. {self.when or 'Try again in an hour.'}"


class QuotaReached(RateLimited):
    """The ledger has no room for a request, so none was sent.

    Handled as a 429 whose ``Retry-After`` is the time until there is room.
    """

    def __init__(self, endpoint: str, detail: str, *, retry_after_s: float) -> None:
        super().__init__(429, endpoint, detail, retry_after_s=retry_after_s, from_api=False)

    @property
    def remedy(self) -> str:  # type: ignore[override]
        """The action to take: wait."""
        return f"Wait until there is room. {self.when}".rstrip()

    @property
    def _what(self) -> str:
        return f"{self.endpoint}: no request was sent: {self.detail}."


class ServerError(ApiError):
    """5xx after all attempts, or 408, 421, 425.

    A ``retry_after_s`` (maintenance) is waited for, as for a quota.
    """

    resumes = _RESUMES

    @property
    def remedy(self) -> str:  # type: ignore[override]
        """The action to take: wait."""
        return f"The service failed, not the task. {self.when or 'Try again later.'}"


class TooWide(ServerError):  # noqa: N818 - named for what to change
    """504, 522 or 524 on every attempt, or 413, 414, 431: the window may be too wide.

    Attributes:
        halves: two narrower windows, as text.
    """

    def __init__(
        self,
        status: int,
        endpoint: str,
        detail: str,
        *,
        halves: str,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(status, endpoint, detail, retry_after_s=retry_after_s)
        self.halves = halves

    @property
    def remedy(self) -> str:  # type: ignore[override]
        """The action to take: a retry may be enough; if not, narrower windows are."""
        return (
            f"If it fails again, the window is too wide for the service: set date_from and date_to "
            f"to narrower ones, such as {self.halves}. {self.when}"
        ).rstrip()


class CursorLost(DocsAnalyticsError):  # noqa: N818 - named for what happened
    """The cursor of an earlier run is rejected, or leads back: read from the beginning."""

    remedy = "Read again from the beginning, without a cursor."


class Unreachable(DocsAnalyticsError):  # noqa: N818 - named for what happened
    """No complete response arrived: timeout, DNS failure, connection refused or reset.

    Or an intermediary responded in the API's place: a firewall, a challenge page, a proxy.

    Attributes:
        remedy: the action to take.
        cut_off: whether a response had started and ended too early.
    """

    resumes = _RESUMES

    def __init__(self, message: str, remedy: str = "", *, cut_off: bool = False) -> None:
        super().__init__(message)
        self.remedy = remedy
        self.cut_off = cut_off


class BadResponse(DocsAnalyticsError):  # noqa: N818 - named for what happened
    """A response that violates the API's documentation: not JSON, a missing key, a repeated cursor.

    Attributes:
        remedy: the action to take.
    """

    resumes = "Earlier pages are kept, and a retry requests this one again."

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.remedy = remedy or (
            "The response is not used. If the error persists, report it with this message: the "
            "service has changed or is faulty."
        )
