"""What must hold of one schedule.

The rules:

1. At every moment the standing manifest is whole: all its files are there, with the sizes and sums
   that it gives, and their rows are its export's, each once and in order.
2. An export that succeeded stands, or one that may have replaced it does: of the same identity, or
   of another with ``if_exists="replace"`` whose attempt took the directory over later (wrote the
   checkpoint with which it began to read) and put its manifest in place later.
3. With ``if_exists="error"`` no manifest is put in the place of another identity's.
4. An attempt ends as what it met: ``Superseded`` only if another took the directory over after it
   did, or finished the same export meanwhile; ``ConfigError`` only with ``if_exists="error"`` and
   another export; ``RateLimited`` only if its source said so; ``BadResponse`` only if its source
   refused to resume a second time; ``StorageError`` only if it waited too long for one that was
   halted. Nothing else.
5. If nobody was killed, or gave up waiting, nothing lies there but the manifest, the checkpoint,
   what they list, and parts that a checkpoint listed that was given up (of another export, or with
   a lost cursor): as long as nobody has succeeded who took over after that part was put in place.
6. One more attempt completes, and leaves its manifest and its parts alone.

Where nothing may be deleted, rule 5 does not hold, and by rule 6 the checkpoint says in the end
that there is nothing to resume.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.reliability.baton import Attempt, Change
    from tests.reliability.plays import Play, Role

MANIFEST, CHECKPOINT = "_manifest.json", "_checkpoint.json"
_WAITED_IN_VAIN = re.compile(r"has held this lock|other processes kept announcing")
"""What attempts say that gave up waiting for one that was halted, or killed, under a lock."""


class Rules:
    """Watches one schedule and says what was wrong.

    Attributes:
        wrong: what broke a rule, a sentence each.
        lost: rows that should be there in the end.
        doubled: rows that are there too often in the end, or are another export's.
    """

    def __init__(self, play: Play) -> None:
        self._play = play
        self._seen = 0
        self._whole = True
        self.wrong: list[str] = []
        self.lost = self.doubled = 0

    def check(self) -> None:
        """Check what must hold at every moment (rule 1), if anything has changed."""
        if self._whole and len(self._play.baton.changes) > self._seen:
            self._seen = len(self._play.baton.changes)
            files = self._play.store.files()
            if MANIFEST in files:
                wrong, _, _ = self._against(files)
                self._whole = not wrong
                self._complain(f"at step {self._play.baton.step}", wrong)

    def conclude(self) -> None:
        """Judge the attempts and what they have left (rules 1 to 5)."""
        files = self._play.store.files()
        succeeded = [each for each in self._play.attempts if each.saw == "complete"]
        if MANIFEST in files:
            wrong, self.lost, self.doubled = self._against(files)
            self._complain("in the end", wrong)
        elif succeeded:
            self.lost = len(self._play.rows(self._role(succeeded[-1]).export))
        for attempt in self._play.attempts:
            self._verify_end(attempt, files)
        self._verify_replacements()
        disturbed = any(each.killed or each.saw == "StorageError" for each in self._play.attempts)
        if self._play.store.deletes and not disturbed:
            strays = [name for name in _unlisted(files) if not self._may_lie(name)]
            self._complain("in the end", [f"stray: {name}" for name in strays])

    def conclude_calm(self, attempt: Attempt) -> None:
        """Judge the last attempt, to which nothing happened (rule 6)."""
        files = self._play.store.files()
        if attempt.saw != "complete":
            self.wrong.append(f"the calm attempt: {attempt.saw} {attempt.text}")
        elif MANIFEST not in files:
            self.wrong.append("after the calm attempt there is no manifest")
        else:
            wrong, lost, doubled = self._against(files, self._role(attempt).export)
            self.lost, self.doubled = max(lost, self.lost), max(doubled, self.doubled)
            strays = [name for name in (*_unlisted(files), CHECKPOINT) if name in files]
            if self._play.store.deletes:
                wrong += [f"stray: {name}" for name in strays]
            elif not _json(files, CHECKPOINT).get("finished"):
                wrong.append("the checkpoint is not finished")
            self._complain("after the calm attempt", wrong)

    def _complain(self, when: str, wrong: list[str]) -> None:
        self.wrong += [f"{when}: {each}" for each in wrong]

    def _against(
        self, files: dict[str, bytes], export: str | None = None
    ) -> tuple[list[str], int, int]:
        """Compare the manifest with its files and its export's rows."""
        manifest = json.loads(files[MANIFEST])
        rows: list[bytes] = []
        wrong = []
        for file in manifest["files"]:
            content = files.get(file["name"])
            if content is None:
                wrong.append(f"{file['name']} is listed and GONE")
                continue
            rows += content.splitlines()
            if (len(content), hashlib.sha256(content).hexdigest()) != (
                file["bytes"],
                file["sha256"],
            ):
                wrong.append(f"{file['name']} is not as listed")
        expected = self._play.rows(export or manifest["project_id"])
        there, should = Counter(rows), Counter(expected)
        lost, doubled = (should - there).total(), (there - should).total()
        if rows != expected:
            wrong.append(f"{lost} rows lost, {doubled} doubled or mixed in, of {len(expected)}")
        return wrong, lost, doubled

    def _verify_end(self, attempt: Attempt, files: dict[str, bytes]) -> None:
        role, who = self._role(attempt), f"attempt {attempt.number}"
        if attempt.saw == "complete" and not self._stands(attempt, files):
            self.wrong.append(f"{who} succeeded, and its export does not stand")
        elif attempt.saw == "Superseded" and not self._was_overtaken(attempt):
            self.wrong.append(f"{who} ended as Superseded, and nobody took over")
        elif not self._may_end(attempt, role):
            self.wrong.append(f"{who}: {attempt.saw} {attempt.text}")

    def _may_end(self, attempt: Attempt, role: Role) -> bool:
        """Whether an attempt may end as it did."""
        return {
            "ConfigError": self._may_refuse(role),
            "RateLimited": role.stops_at is not None,
            "StorageError": _WAITED_IN_VAIN.search(attempt.text) is not None,
            "BadResponse": role.loses_cursor and "cursor to resume from, twice" in attempt.text,
        }.get(attempt.saw, attempt.saw in ("complete", "Superseded", "killed"))

    def _stands(self, attempt: Attempt, files: dict[str, bytes]) -> bool:
        if MANIFEST not in files:
            return False
        identity = json.loads(files[MANIFEST])["project_id"]
        return identity == self._role(attempt).export or any(
            self._role(rival).export == identity
            and self._role(rival).if_exists == "replace"
            and self._took_over(rival) > self._took_over(attempt)
            and self._last(rival, MANIFEST) > self._last(attempt, MANIFEST)
            for rival in self._play.attempts
        )

    def _was_overtaken(self, attempt: Attempt) -> bool:
        since = self._first(attempt, CHECKPOINT)
        return any(
            change.by != attempt.number
            and (change.name == CHECKPOINT or self._finished_same(attempt, change))
            for change in self._puts()
            if change.step > since
        )

    def _finished_same(self, attempt: Attempt, change: Change) -> bool:
        rival = self._play.roles[change.by]
        return change.name == MANIFEST and rival.export == self._role(attempt).export

    def _may_refuse(self, role: Role) -> bool:
        exports = {self._play.roles[change.by].export for change in self._puts(MANIFEST)}
        return role.if_exists == "error" and bool(exports - {role.export})

    def _verify_replacements(self) -> None:
        standing = None
        for change in self._play.baton.changes:
            if change.name == MANIFEST:
                role = self._play.roles[change.by]
                if change.content is None:
                    standing = None
                    continue
                if role.if_exists == "error" and standing not in (None, role.export):
                    self.wrong.append(f"attempt {change.by} replaced {standing}'s manifest")
                standing = role.export

    def _may_lie(self, name: str) -> bool:
        """Whether a part that nothing lists is one that was given up, and no commit found since."""
        puts = [change for change in self._play.baton.changes if change.name == name]
        was_listed = any(name.encode() in (put.content or b"") for put in self._puts(CHECKPOINT))
        return was_listed and not any(
            attempt.saw == "complete" and self._took_over(attempt) > puts[0].step
            for attempt in self._play.attempts
        )

    def _puts(self, *names: str) -> list[Change]:
        return [
            change
            for change in self._play.baton.changes
            if change.content is not None and change.name in (names or (MANIFEST, CHECKPOINT))
        ]

    def _first(self, attempt: Attempt, name: str) -> int:
        return min((put.step for put in self._puts(name) if put.by == attempt.number), default=-1)

    def _took_over(self, attempt: Attempt) -> int:
        """Return when an attempt took over.

        Somebody may finish before it reads; then it begins anew. Once it reads, it has no second
        chance: what it then writes is checked by that moment.
        """
        until = self._first(attempt, CHECKPOINT)
        until = until if attempt.reads_from is None else attempt.reads_from
        mine = [put.step for put in self._puts(CHECKPOINT) if put.by == attempt.number]
        return max((step for step in mine if step <= until), default=-1)

    def _last(self, attempt: Attempt, name: str) -> int:
        return max((put.step for put in self._puts(name) if put.by == attempt.number), default=-1)

    def _role(self, attempt: Attempt) -> Role:
        return self._play.roles[attempt.number]


def _unlisted(files: dict[str, bytes]) -> list[str]:
    """Return what neither the manifest nor the checkpoint lists."""
    listed = {MANIFEST, CHECKPOINT}
    listed |= {file["name"] for file in _json(files, MANIFEST).get("files", ())}
    progress = _json(files, CHECKPOINT).get("progress", {})
    listed |= {file["name"] for file in progress.get("files", ())}
    return sorted(files.keys() - listed)


def _json(files: dict[str, bytes], name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(files.get(name, b"{}"))
    return document
