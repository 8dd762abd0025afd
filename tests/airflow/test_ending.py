"""A triggerer that shuts down does not wait for a service that does not respond."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from threading import Event
from typing import TYPE_CHECKING

from tests.security.servers import Listener

if TYPE_CHECKING:
    import socket

_PROCESS = """
import asyncio, signal
from airflow_provider_docsanalytics.triggers.mintlify import MintlifyConversationTrigger

async def main():
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    triggers = [
        MintlifyConversationTrigger(since="2026-01-01", poke_interval_s=1.0 + n, once=True)
        for n in range(2)
    ]
    running = [asyncio.ensure_future(anext(trigger.run())) for trigger in triggers]
    await stop.wait()
    assert not any(task.done() for task in running), running

asyncio.run(main())
print("ended")
"""


class Silent(Listener):
    """Accepts a request, and does not respond as long as the process lives.

    Attributes:
        heard_one: set once a request has come.
    """

    def __init__(self) -> None:
        super().__init__()
        self.heard_one = Event()

    def speak(self, connection: socket.socket, head: bytes) -> None:  # noqa: ARG002 - the base class's
        self.heard_one.set()
        connection.recv(1)


def test_a_process_with_triggers_exits_while_a_service_hangs() -> None:
    with Silent() as service:
        connection = {
            "conn_type": "mintlify",
            "host": service.url,
            "login": "proj",
            "password": "mint_key",
            "extra": {"timeout_s": 3600},
        }
        environment = {"AIRFLOW_CONN_MINTLIFY_DEFAULT": json.dumps(connection)}
        process = subprocess.Popen(
            [sys.executable, "-c", _PROCESS],
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            assert service.heard_one.wait(120), process.communicate()[0]
            process.send_signal(signal.SIGTERM)
            said, _ = process.communicate(timeout=120)
        finally:
            process.kill()
    assert "ended" in said.splitlines(), said  # Airflow may log after that
    assert process.returncode == 0
