"""What is promised, the verdict on it, and the figures that the documentation shows."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.parts import COMPRESSIONS, FORMATS, QUOTA

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path


def _pages(pages: int) -> str:
    """Return so many pages in words."""
    return f"{pages} page{'s' if pages > 1 else ''}"


class Aim(NamedTuple):
    """The most that a figure may be, and what it says."""

    figure: str
    most: float
    claim: str

    def verdict(self, value: float) -> str:
        """Return a line of the verdict."""
        held = "holds" if value <= self.most else "FAILS"
        return f"{held}: {self.claim.format(value)} (aim: {self.most:g})"


PROMISED = (
    Aim("server_share", 0.1, "the bench's server costs {:.2f} of the floor's CPU"),
    Aim("text_gzip", 1, "the text compresses {:.2f} times as well as Python's documentation"),
    Aim("start_ms", 250, "{:.0f} ms of CPU for 1 row to file://, base install"),
    Aim("providers_ratio", 1.3, "{:.2f} times that beside the providers of three clouds"),
    Aim("S3 start_ms", 1600, "{:.0f} ms of CPU for 1 row to s3://"),
    *(Aim(f"S3 {pages}", most, f"{{:.0f}} requests to S3 for an export of {_pages(pages)}")
      for pages, most in ((1, 10), (10, 10), (25, 14))),
    *(Aim(f"{store} over S3", 2, f"{{:.0f}} more requests to {store} than to S3")
      for store in ("GCS", "Azure")),
    Aim("jsonl", 2.0, "{:.2f} times the floor's CPU for JSON lines"),
    Aim("not_found", 0.1, "{:.2f} of that is in no step of the table"),
    Aim("gzip", 7, "{:.2f} times for JSON lines with gzip"),
    Aim("zstd", 2.5, "{:.2f} times for JSON lines with zstd"),
    Aim("parquet", 5, "{:.2f} times for Parquet"),
    Aim("csv", 6, "{:.2f} times for CSV"),
    Aim("parts_growth", 2, "{:.2f} times the CPU of the first pages for the last of 5,000 parts"),
    Aim("pages_growth", 2, "{:.2f} times the CPU of the first pages for the last of 10,000"),
    Aim("idle_checkpoints", 0, "{:.0f} idle checkpoints where the last part is full"),
    Aim("memory_growth", 10, "{:.1f} MB more at the peak for 500k rows than for 100k"),
    Aim("memory_growth_long", 10, "{:.1f} MB more at the peak for 10 million rows than for 100k"),
    Aim("audit_deep", 2, "{:.2f} times the CPU of sha256sum for audit --deep"),
    Aim("audit_growth", 1.5, "{:.2f} times the CPU for each of 10,000 exports as for 1,000"),
    Aim("audit_memory_growth", 20, "{:.1f} MB more at the peak for 10,000 exports than for 1,000"),
    Aim("models_cpu_s", 5, "{:.1f} s of CPU for all models over 90 days of a mid-sized site"),
    Aim("models_mb", 500, "{:.0f} MB at the peak for that"),
    Aim("import_ms", 10, "{:.1f} ms of CPU to import the operators"),
)  # fmt: skip


def verdict(figures: Mapping[str, float]) -> list[str]:
    """Return a line for each promise whose figure was measured."""
    return [aim.verdict(figures[aim.figure]) for aim in PROMISED if aim.figure in figures]


def decisive(figures: Mapping[str, float]) -> list[str]:
    """Return the table of the five figures that users decide by."""
    rows = (
        (
            "CPU of a task that exports 1 row to a disk",
            "{start_s:.2f} s; {providers_s:.2f} s beside Amazon's, Google's and Azure's providers",
        ),
        (
            "CPU of an hour's quota, 100,000 rows",
            "{hour_cpu_s:.1f} s; {jsonl:.1f} times a loop that only saves the responses",
        ),
        (
            "the same with other tools",
            "`HttpOperator` {http_operator:.1f} times, `dlt` {dlt:.1f} times the CPU",
        ),
        (
            "peak memory for 500,000 rows",
            "{memory_mb:.0f} MB; {memory_growth:.0f} MB more than for 100,000",
        ),
        ("requests to S3 for 10 pages of rows", "{s3_10:.0f}; {s3_25:.0f} for 25 pages"),
    )
    values = {
        **figures,
        "start_s": figures["start_ms"] / 1000,
        "providers_s": figures["providers_ms"] / 1000,
        "s3_10": figures["S3 10"],
        "s3_25": figures["S3 25"],
    }
    return _measured(rows, values)


def costs(figures: Mapping[str, float]) -> list[str]:
    """Return the table of what each format costs."""
    lines = [f"| CPU µs/row, {QUOTA.rows} rows | plain | `gzip` | `zstd` |", "|---|---|---|---|"]
    for form in FORMATS:
        cells = [f"{figures[f'us {form} {packing}']:.0f}" for packing in COMPRESSIONS]
        lines.append(f"| `{form}` | {' | '.join(cells)} |")
    return lines


def audits(figures: Mapping[str, float]) -> list[str]:
    """Return the table of what an audit costs."""
    rows = (
        (
            "CPU of a deep audit of JSON lines",
            "{audit_deep:.1f} times that of `sha256sum`; {audit_mb_s:.0f} MB a second",
        ),
        (
            "CPU of an audit of 10,000 exports, not deep",
            "{audit_s:.1f} s; {audit_growth:.1f} times as much for each as with 1,000",
        ),
        ("its peak memory", "{audit_memory_growth:.0f} MB more than for 1,000"),
    )
    return _measured(rows, figures)


def _measured(rows: Iterable[tuple[str, str]], figures: Mapping[str, float]) -> list[str]:
    lines = [f"| {what} | {measured.format_map(figures)} |" for what, measured in rows]
    return ["| what | measured |", "|---|---|", *lines]


def write_between(page: Path, marker: str, lines: list[str]) -> None:
    """Replace what a page has between ``<!-- marker -->`` and ``<!-- /marker -->``."""
    start, end = f"<!-- {marker} -->\n", f"<!-- /{marker} -->"
    pattern = re.compile(re.escape(start) + ".*?" + re.escape(end), re.DOTALL)
    text, count = pattern.subn(lambda _: start + "\n".join((*lines, end)), page.read_text())
    if count != 1:
        raise ValueError(f"{page}: {count} places for {marker}")
    page.write_text(text)
