"""The page's charts, as static SVG: no script, no style, no ID, colours for light and dark."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from airflow_provider_docsanalytics.lake.report.wording import day

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

BLUE, ORANGE, GREEN, GREY = "#2f7ed8", "#c8611a", "#2e8b57", "#7f7f7f"
"""Each has a contrast of at least 3 to 1 to the page, in the light and in the dark."""
_WIDTH, _HEIGHT = 720, 250
_TOP = 14
"""Less margin above and below than the library leaves."""
_AROUND_BARS, _BAR = 90, 24
_TICKS_X, _TICKS_Y = 8, 4
_POINT = 0.15
"""Days to both sides of a day without neighbours, which would be a line of no length."""

Point = tuple[float, float | None]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a chart: a value a day, ``None`` where there is none."""

    name: str
    color: str
    values: Sequence[float | None]


def by_day(
    title: str, days: Sequence[date], lines: Sequence[Line], breaks: Sequence[int] = ()
) -> str:
    """Return a chart of values by day.

    Args:
        title: what the chart shows, for screen readers.
        days: those of each line's values.
        lines: in the order in which they are drawn.
        breaks: places in ``days`` before which the meaning of the values changes. No line is drawn
            across one.
    """
    import leather

    highest = max((value or 0 for line in lines for value in line.values), default=0)
    steps = _steps(highest)
    chart = leather.Chart()
    chart.set_x_scale(_scale(-0.5, len(days) - 0.5))
    chart.set_y_scale(_scale(0, steps[-1]))
    every = -(-len(days) // _TICKS_X)
    chart.add_x_axis(
        ticks=list(range(0, len(days), every)),
        tick_formatter=lambda place, *_: day(days[place]),
    )
    chart.add_y_axis(ticks=steps, tick_formatter=lambda value, *_: f"{value:,}")
    for line in lines:
        points = list(_points(line.values, breaks))
        chart.add_line(points, name=line.name, stroke_color=line.color, width=2.5)
    for name, place in zip(["break of definition", *[""] * len(breaks)], breaks, strict=False):
        edge = [(place - 0.5, 0), (place - 0.5, steps[-1])]
        chart.add_line(edge, name=name, stroke_color=GREY, width=1.5, stroke_dasharray="5 4")
    return _as_text(chart, title, _HEIGHT)


def bars(title: str, values: Sequence[tuple[str, int]], color: str) -> str:
    """Return a chart of a number for each name, which have to differ."""
    import leather

    steps = _steps(max(number for _, number in values))
    chart = leather.Chart()
    chart.set_x_scale(_scale(0, steps[-1]))
    chart.add_x_axis(ticks=steps, tick_formatter=lambda value, *_: f"{value:,}")
    chart.add_bars([(number, name) for name, number in values], name=title, fill_color=color)
    return _as_text(chart, title, _AROUND_BARS + _BAR * len(values))


def _points(values: Sequence[float | None], breaks: Sequence[int]) -> Iterator[Point]:
    """Yield the points of a line, with a gap at each break."""
    for place in range(len(values)):
        if place in breaks:
            yield place - 0.5, None
        yield from _point(place, values, breaks)


def _point(place: int, values: Sequence[float | None], breaks: Sequence[int]) -> Iterator[Point]:
    value = values[place]
    first = place == 0 or place in breaks or values[place - 1] is None
    last = place + 1 == len(values) or place + 1 in breaks or values[place + 1] is None
    if value is not None and first and last:
        yield place - _POINT, value
        yield place + _POINT, value
    else:
        yield place, value


def _steps(highest: float) -> list[int]:
    """Return round numbers from 0 to at least ``highest``."""
    power = 1
    while power * 10 * _TICKS_Y < highest:
        power *= 10
    step = next(power * each for each in (1, 2, 5, 10) if power * each * _TICKS_Y >= highest)
    return list(range(0, max(-(-int(highest) // step), 1) * step + 1, step))


def _scale(first: float, last: float) -> Any:
    """Return a scale that ends where it says: the library's own end at round numbers."""
    import leather

    class Exact(leather.Linear):  # type: ignore[misc] # it has no types
        """Projects in proportion."""

        def project(self, value: float, start: float, end: float) -> float:
            """Return the place of a value between ``start`` and ``end``."""
            return round(start + (value - first) / (last - first) * (end - start), 1)

    return Exact(first, last)


def _as_text(chart: Any, title: str, height: int) -> str:
    """Return a chart as SVG that follows the page's colour of text, with a name."""
    root = ET.Element(
        "svg", viewBox=f"0 {_TOP} {_WIDTH} {height - 2 * _TOP}", width=str(_WIDTH), role="img"
    )
    ET.SubElement(root, "title").text = title
    group = chart.to_svg_group(_WIDTH, height)
    group.remove(group[0])  # the background
    root.append(group)
    for each in group.iter():
        if each.tag == "text":
            each.attrib.pop("font-family")
            each.set("fill", "currentColor")
            each.set("font-size", "13")
        elif each.tag == "line":
            each.set("stroke", GREY)
            each.set("stroke-opacity", "0.35")
    return ET.tostring(root, encoding="unicode")
