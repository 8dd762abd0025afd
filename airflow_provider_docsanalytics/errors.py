"""Every error that this provider raises by itself, sorted by what the caller should do.

::

    DocsAnalyticsError
    ├── ConfigError        fix the Dag or the connection; no retry can cure it
    ├── Superseded         nothing: another attempt has taken this export over
    ├── StorageError       the storage failed: read the message; a retry resumes
    │   └── StorageRefused   it has refused: give the connection the right that the message names
    ├── ApiError           the service answered with an error status
    │   ├── AuthError      401, 403 from the API itself: fix the key; no retry can cure it
    │   ├── NotFound       404: fix the ID, or accept that it is gone
    │   ├── RateLimited    429, or a 403 that speaks of a limit: wait, then go on
    │   └── ServerError    5xx, 408, 421, 425: try again, not before the time it asked for
    │       └── TooWide    504, 522, 524 each time, or 413, 414, 431: or a narrower window
    ├── CursorLost         a cursor of an earlier run leads nowhere: start from the beginning
    ├── Unreachable        time-out, DNS, reset, cut-off body, a firewall's page: try again
    └── BadResponse        an answer that the API does not promise: read the message

There is no Airflow in here: :mod:`._retry` decides what to do about each, and
:mod:`._airflow_retry` translates that to Airflow's exceptions.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

LONGEST_RETRY_AFTER = timedelta(days=1)
"""The longest wait that a service is believed to ask for: of a longer one, so much is waited."""


class DocsAnalyticsError(Exception):
    """The root of all errors of this provider; each can be pickled and copied.

    Python would make a copy from ``args`` alone, which do not hold what a subclass takes by name.
    """

    def __reduce__(self) -> tuple[Any, ...]:
        """Return how to make the same error again: without ``__init__``, from all that it has."""
        return _again, (type(self), *self.args), vars(self)


def _again(kind: type[DocsAnalyticsError], *args: Any) -> DocsAnalyticsError:
    return kind.__new__(kind, *args)


class ConfigError(DocsAnalyticsError, ValueError):
    """A parameter or a connection field is wrong; raised before any request is sent."""


class Superseded(DocsAnalyticsError):  # noqa: N818 - named for what happened, as in the docs
    """Another attempt has taken over this export; this one stopped without touching it."""


class StorageError(DocsAnalyticsError, OSError):
    """The storage failed, refused, or has lost a part; what was published is kept."""


class StorageRefused(StorageError):  # noqa: N818 - named for what happened
    """The storage has refused a request: the connection lacks a right, which the message names."""


class ApiError(DocsAnalyticsError):
    """The service answered with an error status.

    Attributes:
        status: the HTTP status.
        endpoint: the endpoint's name in the endpoint table.
        detail: the API's own ``error`` and ``details[].message``, or what else the answer holds,
            at most 500 characters.
        retry_after_s: seconds until the service wants to be asked again, where it said so.
        note: what is known of this status at this service, for the message.
        from_api: false where something in between answered, with a page in HTML.
    """

    remedy = "Check the parameters of the task against the API's answer."

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

    def __str__(self) -> str:
        told = f"{self.endpoint}: HTTP {self.status}: {self.detail}. {self.remedy} {self.note}"
        return told.rstrip()

    @property
    def when(self) -> str:
        """When to try again, as a sentence; empty where the service did not say."""
        return f" Try again in {self.retry_after_s:.0f} s." if self.retry_after_s else ""


class AuthError(ApiError):
    """401 or 403, said by the API itself: the key was refused."""

    @property
    def remedy(self) -> str:  # type: ignore[override]
        """What to do: a refused key (401) and a key without the right (403) differ."""
        if self.status == 401:  # noqa: PLR2004 - the status is the name
            return (
                "The key is wrong or has expired: make a new one and put it into the connection's "
                "password."
            )
        return (
            "The answer does not say which of these is the reason; check each: the key's scope (it "
            "needs read), its address allowlist, the plan, whether the project belongs to the "
            "key's organisation, and whether a filter in front of the API turns this client away."
        )


class NotFound(ApiError):  # noqa: N818 - named for the status
    """404: no such project, thread or path."""

    remedy = "Check the project ID, the thread ID and the base URL."


class RateLimited(ApiError):  # noqa: N818 - a plan, not a crash
    """429: the organisation's quota is spent; ``retry_after_s`` is ``None`` when not said.

    Also a 403 with a ``Retry-After``, or whose words speak of a rate limit.
    """

    remedy = "The service's quota is spent."

    def __str__(self) -> str:
        return super().__str__() + self.when + " What was exported so far is kept; a retry resumes."


class ServerError(ApiError):
    """5xx after all attempts, or 408, 421, 425.

    With a ``retry_after_s`` (maintenance) it is waited for as a spent quota is.
    """

    remedy = "The service failed; a retry resumes where this attempt stopped."

    def __str__(self) -> str:
        return super().__str__() + self.when


class TooWide(ServerError):  # noqa: N818 - named for what to change
    """504, 522 or 524 to every attempt, or 413, 414, 431: a window this wide gets no answer.

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
        """What to do: to wait may be enough; if not, narrower windows are."""
        return (
            "A retry resumes where this attempt stopped. If it fails again, the window is too wide "
            f"for the service: set date_from and date_to to narrower ones, such as {self.halves}."
        )


class CursorLost(DocsAnalyticsError):  # noqa: N818 - named for what happened
    """A cursor of an earlier run is refused, or leads back: read from the beginning."""


class Unreachable(DocsAnalyticsError):  # noqa: N818 - named for what happened
    """No whole answer of the API arrived: time-out, DNS failure, refused, reset, a cut-off body.

    Or something in between answered in the API's place: a firewall, a challenge page, a proxy.

    Attributes:
        cut_off: whether an answer had begun and did not come to its end.
    """

    def __init__(self, message: str, *, cut_off: bool = False) -> None:
        super().__init__(message)
        self.cut_off = cut_off


class BadResponse(DocsAnalyticsError):  # noqa: N818 - named for what happened
    """An answer that the API does not promise: not JSON, a key missing, a repeated cursor.

    Attributes:
        remedy: what to do about it.
    """

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.remedy = remedy or (
            "The answer is not used; what was read before it is kept, and a retry asks again. If "
            "it stays, the service has changed or is at fault: report it with this message."
        )

    def __str__(self) -> str:
        return f"{self.args[0]} {self.remedy}"
