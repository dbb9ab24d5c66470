"""The log of requests: what was asked for, and that nothing else was."""

from __future__ import annotations

import threading
from collections import deque
from datetime import datetime, timezone
from typing import Any

from awsapi.requests import Call

KEPT = 20_000


class Journal:
    """The last KEPT requests, numbered from 1."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self._last = 0

    def add(self, call: Call, account: str, status: int, fault: bool) -> None:
        with self._lock:
            self._last += 1
            self._entries.append(
                {
                    "n": self._last,
                    "time": datetime.now(timezone.utc).isoformat(),
                    "method": call.method,
                    "host": call.host,
                    "path": call.path,
                    "service": call.service,
                    "action": call.action,
                    "account": account,
                    "status": status,
                    "mutating": call.mutating,
                    "fault": fault,
                }
            )

    def since(self, number: int) -> dict[str, Any]:
        """The entries after a number, and how many were forgotten before them."""
        with self._lock:
            entries = [entry for entry in self._entries if entry["n"] > number]
            first = entries[0]["n"] if entries else self._last + 1
            return {"last": self._last, "dropped": max(0, first - number - 1), "requests": entries}
