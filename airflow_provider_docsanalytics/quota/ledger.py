"""The ledger: the account in a file, in which every request is entered before it is sent.

Every entry is one conditional write: it succeeds only if nobody else has changed the file since it
was read. So two workers never use the same room. A request that has to wait is entered for the
moment at which it may be sent, and others queue behind it: nobody asks again and again.

The ledger never fails an export. If it cannot be read or written, it says so, and requests are sent
as without it for some minutes.
"""

from __future__ import annotations

import logging
import random
import re
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple, TypeVar
from urllib.parse import urlsplit

import msgspec

from airflow_provider_docsanalytics.errors import StorageError
from airflow_provider_docsanalytics.quota.account import Account, Entry

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_docsanalytics.quota.account import Quota
    from airflow_provider_docsanalytics.storage import Storage

log = logging.getLogger(__name__)

_Result = TypeVar("_Result")
_VERSION = 1
"""Of the ledgers that this version reads."""
_TRIES = 100
"""Of one change, while other workers keep changing the file."""
_SHORTEST_PAUSE_S, _LONGEST_PAUSE_S = 0.01, 10.0
"""Before another try. They grow from what a try takes, so that many workers come apart."""
_PASSED_OVER_S = 300.0
"""How long a ledger that has failed is not used: a storage that is away lets each request wait."""
_AGREES_S = 2.0
"""Dates of responses are rounded to a second, and came a moment ago."""


class Admission(NamedTuple):
    """What the ledger says to a request.

    Attributes:
        entered: whether it may be sent, after the wait.
        wait_s: seconds until it may be sent; if it is not entered, until there is room.
    """

    entered: bool
    wait_s: float


class Ledger:
    """One service's account in one directory, as one task uses it.

    Args:
        storage: the directory.
        uri: the directory, as messages name it.
        service: the service's base URL.
        quota: of the service.
        share: of the quota that this task may see used before it waits, more than 0 and at most 1.
        by: the task.
        host: where it runs.
        now: this worker's clock, in seconds since 1970.
        sleep: waits for other workers, in seconds.
    """

    def __init__(
        self,
        storage: Storage,
        uri: str,
        *,
        service: str,
        quota: Quota,
        share: float = 1.0,
        by: str = "",
        host: str = "",
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.quota = quota
        self._storage = storage
        self._uri = uri
        self._service = service
        self._name = name_of(service)
        self._share = share
        self._by = by
        self._host = host
        self._clock = now
        self._sleep = sleep
        self._account: Account | None = None
        self._last: Entry | None = None
        self._is_shared = False
        self._usable_from = 0.0

    @property
    def left(self) -> int | None:
        """How many requests the account has left, as last seen; ``None`` if that is unknown."""
        if self._account is None:
            return None
        return max(0, self.quota.limit - self._account.used(self.now(), self.quota))

    @property
    def limits(self) -> str:
        """What a request waits for, as text."""
        file = f"the ledger {self._uri}/{self._name}"
        if self._account:
            now = self.now()
            opens_at = self._account.opens_at(now, self.quota)
            if now < opens_at >= self._account.room_at(now, self.quota, self._share):
                until = datetime.fromtimestamp(opens_at, UTC)
                return (
                    f"{file} says that the service refuses requests until "
                    f"{until:%Y-%m-%d %H:%M:%S} UTC"
                )
        share = f" (quota_share={self._share:g})" if self._share < 1 else ""
        return (
            f"{file} has no room within {self.quota.limit} requests in {self.quota.period_s:g} s"
            f"{share}"
        )

    def enter(self, longest_s: float) -> Admission:
        """Enter a request, if it may be sent within ``longest_s`` seconds, at most a period."""
        longest_s = min(longest_s, self.quota.kept_s)
        return self._or_without(lambda: self._enter(longest_s), Admission(entered=True, wait_s=0))

    def refused(self, retry_after_s: float | None) -> None:
        """Enter what a refusal of the service shows: others have used the rest of the quota."""
        self._or_without(lambda: self._fill(retry_after_s), None)

    def read(self) -> Account:
        """Return the account as it stands.

        Raises:
            StorageError: it cannot be read, or is not of this service.
        """
        text = self._storage.read(self._name)
        if text is None:
            self._storage.make()
            return self._seen(Account(service=self._service))
        try:
            account = msgspec.json.decode(text, type=Account)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise self._damaged(text, error) from error
        if account.service != self._service:
            raise StorageError(
                f"{self._uri}/{self._name} is of {account.service!r:.100}, not of "
                f"{self._service!r}.\nUse a ledger of its own for each organisation."
            )
        return self._seen(account)

    def _damaged(self, text: bytes, error: Exception) -> StorageError:
        file = f"{self._uri}/{self._name}"
        if _is_newer(text):
            return StorageError(
                f"{file} is of a later version of this provider.\nUpgrade the provider here. The "
                "others use the ledger, so leave it as it is."
            )
        return StorageError(f"{file} is damaged ({error}).\nDelete it: the account starts again.")

    def now(self) -> float:
        """Return the moment by which requests are entered, in seconds since 1970.

        That is the time of the storage, so that a worker whose clock is wrong does no harm. A disk
        has none, and dates of responses are in seconds: clocks that agree so far are equal.
        """
        here, there = self._clock(), self._storage.now()
        return here if there is None or abs(there - here) < _AGREES_S else there

    def _enter(self, longest_s: float) -> Admission:
        def change(account: Account, now: float) -> tuple[Account | None, Admission]:
            moment = account.room_at(now, self.quota, self._share)
            if (wait_s := moment - now) > longest_s:
                return None, Admission(entered=False, wait_s=wait_s)
            self._last = Entry.at_moment(moment, self._by, self._host)
            return account.enter(self._last), Admission(entered=True, wait_s=wait_s)

        return self._change(change)

    def _fill(self, retry_after_s: float | None) -> None:
        def change(account: Account, now: float) -> tuple[Account | None, None]:
            return account.fill(now, self.quota, retry_after_s, self._last), None

        self._change(change)

    def _seen(self, account: Account) -> Account:
        """Keep the account as it has just been read; return it without what no longer counts."""
        self._is_shared = self._account is not None and account != self._account
        self._account = account
        return account.at(self.now(), self.quota)

    def _change(
        self, change: Callable[[Account, float], tuple[Account | None, _Result]]
    ) -> _Result:
        """Apply a change to the account, again if another worker was faster.

        First to the account as this worker has last seen it, unless somebody else had changed it by
        then: if nobody has, that saves reading it.
        """
        known = None if self._is_shared else self._account
        for tries in range(_TRIES):
            began = self._clock()
            account = known.at(self.now(), self.quota) if known else self.read()
            changed, result = change(account, self.now())
            if changed is None:
                if not known:
                    return result
            elif self._storage.replace(self._name, msgspec.json.encode(changed), self._by):
                self._account = changed
                return result
            elif not known:
                pause_s = (self._clock() - began + _SHORTEST_PAUSE_S) * 2**tries
                self._sleep(random.uniform(0, max(0, min(pause_s, _LONGEST_PAUSE_S))))  # noqa: S311 - jitter, no secret
            known = None  # somebody has changed it, or may have
        raise StorageError(
            f"{self._uri}/{self._name}: other workers were faster {_TRIES} times in a row.\n"
            "Use a faster storage for the ledger."
        )

    def _or_without(self, step: Callable[[], _Result], without: _Result) -> _Result:
        """Return what a step returns; if it fails, and for a while, what holds without a ledger."""
        if self._clock() < self._usable_from:
            return without
        try:
            return step()
        except Exception as error:  # noqa: BLE001 - the ledger never fails an export
            self._account = None
            self._usable_from = self._clock() + _PASSED_OVER_S
            minutes = _PASSED_OVER_S / 60
            log.warning("Requests are sent without the ledger for %.0f minutes. %s", minutes, error)
            return without


def name_of(service: str) -> str:
    """Return the name of a service's file, such as ``quota-api.mintlify.com.json``."""
    parts = urlsplit(service)
    return f"quota-{re.sub(r'[^a-z0-9.-]+', '-', f'{parts.netloc}{parts.path}'.lower())}.json"


class _Versioned(msgspec.Struct):
    ledger_version: int


def _is_newer(text: bytes) -> bool:
    """Return whether a later version of this provider wrote an account."""
    try:
        return msgspec.json.decode(text, type=_Versioned).ledger_version > _VERSION
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return False
