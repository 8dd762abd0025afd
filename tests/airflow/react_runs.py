"""Runs ``react_to_new_conversations`` once for each moment on the command line."""

from __future__ import annotations

import sys
from datetime import datetime

from react_to_new_conversations import window

for moment in sys.argv[1:]:
    run = window.operator.dag.test(run_after=datetime.fromisoformat(moment))
    print(f"run after {moment}: {run.state}", flush=True)
