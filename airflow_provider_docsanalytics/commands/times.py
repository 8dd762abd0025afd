"""Lengths of time as a command takes them."""

from __future__ import annotations

import argparse
import re
from datetime import timedelta

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def length(text: str) -> timedelta:
    """Return a time such as ``1d``."""
    found = re.fullmatch(r"([1-9][0-9]{0,4})([mhdw])", text)
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time. Use for example 1d, 6h or 1w.")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})
