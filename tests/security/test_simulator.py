from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from airflow_provider_docsanalytics.simulator import Simulator


def test_the_simulator_listens_on_one_loopback_address_alone(service: Simulator) -> None:
    port = int(service.url.rsplit(":", 1)[1])
    socket.create_connection(("127.0.0.1", port), timeout=5).close()
    # Whoever listens on all addresses listens on this one, too.
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.2", port), timeout=5)
