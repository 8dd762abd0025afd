"""Sphinx configuration of the documentation; ``make docs`` uses it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

CLONE = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(CLONE), str(CLONE / "docs")]

import docs_names  # noqa: E402 - the clone and docs/ are on the path from here on
import docs_tables  # noqa: E402

from tests.support.airflow_home import airflow_environment  # noqa: E402

# Before autodoc imports Airflow, which writes a configuration file wherever its home is.
os.environ.update(airflow_environment(CLONE / ".cache" / "docs-airflow"))

from sphinx.util import logging  # noqa: E402

from airflow_provider_docsanalytics import __version__  # noqa: E402

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

project = "airflow-provider-docsanalytics"
release = version = __version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["snippets"]

myst_heading_anchors = 3
highlight_language = "none"  # a block without a language is a tree, a table or output
suppress_warnings = ["misc.highlighting_failure"]  # SQL has more dialects than the highlighter
smartquotes = False  # messages and commands are quoted exactly

autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_typehints_format = "short"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
# Types that only type checkers import have no page here, nor have those of Airflow and Python.
nitpick_ignore_regex = [
    ("py:.*", r"(?!airflow_provider_docsanalytics\b|\.).*"),
    (
        "py:class",
        r".*\.(endpoint\.(Paging|Body)|fields\.Field|triggers\._shared_poll\.Source)",
    ),
]

html_theme = "furo"  # ships its style and scripts, and uses the reader's own fonts
html_title = f"{project} {release}"
html_static_path = ["_static"]
html_css_files = ["wrap.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_copyright = False


def _fill_tables(_: Sphinx, page: str, source: list[str]) -> None:
    source[0] = docs_tables.filled(page, source[0])


def _check_names(_: Sphinx, env: BuildEnvironment) -> None:
    documented = set(env.get_domain("py").objects)
    for name in sorted(docs_names.public() - documented):
        logging.getLogger(__name__).warning("%s is public and on no page of the reference", name)


def setup(app: Sphinx) -> None:
    """Fill the tables and check the reference during the build."""
    app.connect("source-read", _fill_tables)
    app.connect("env-check-consistency", _check_names)
