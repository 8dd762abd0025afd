"""The page as data, and as HTML: one file without scripts that loads nothing."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Template


NOTHING = "-"
"""A cell's text where there is no number."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a table.

    Attributes:
        text: what it says, from anyone.
        href: where it leads: ``""``, or an address of http or https that was checked.
        note: a word after it, such as ``new``.
    """

    text: str
    href: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table.

    Attributes:
        caption: what it shows.
        columns: the names; those that end in ``#`` are of numbers.
        more: what was left out, as a sentence.
        folded: whether it is behind a picture, and opened by who wants the numbers.
    """

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    more: str = ""
    folded: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page: a heading, sentences, a picture, tables.

    Attributes:
        chart: SVG of :mod:`.charts`, ``""`` if there is none.
    """

    heading: str
    sentences: tuple[str, ...] = ()
    chart: str = ""
    tables: tuple[Table, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """The page.

    Attributes:
        title: what it is about.
        period: which days, and which it compares them with.
        notices: what the reader has to know first.
        summary: what changed, in a few sentences.
        rule: what counts as a change.
        end: how the page was made: where from, what was redacted.
    """

    title: str
    period: str
    notices: tuple[str, ...]
    summary: tuple[str, ...]
    sections: tuple[Section, ...]
    rule: tuple[str, ...]
    end: tuple[str, ...]


def render(page: Page) -> bytes:
    """Return the page as HTML: the same bytes for the same page."""
    return _template().render(page=page).encode("utf-8")


@cache
def _template() -> Template:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(
        files(__package__).joinpath("page.html.jinja").read_text("utf-8")
    )
