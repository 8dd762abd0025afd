"""The models: one question each, as a query with a comment in front of it."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources


@dataclass(frozen=True, slots=True)
class Model:
    """A question and its query.

    Attributes:
        name: of the model, its view and its file.
        question: the first line of the file.
        sql: the file: a comment and a ``SELECT``.
    """

    name: str
    question: str
    sql: str


def _read(name: str) -> Model:
    sql = resources.files(__name__).joinpath(f"{name}.sql").read_text(encoding="utf-8")
    return Model(name, sql.partition("\n")[0].removeprefix("-- "), sql.rstrip().removesuffix(";"))


MODELS = tuple(
    map(
        _read,
        (
            "unanswered_questions",
            "searches_without_click",
            "page_quality",
            "human_and_ai_views",
            "agent_pages",
            "asking_pages",
            "cited_pages",
            "page_changes",
            "open_feedback",
            "assistant_usage",
            "call_usage",
            "completeness",
        ),
    )
)
"""In the order in which they are asked for."""
