"""Faults that are injected on purpose."""

from __future__ import annotations

import threading
from dataclasses import asdict, dataclass
from typing import Any

from awsapi.requests import Call

FIELDS = {
    "service": str,
    "action": str,
    "method": str,
    "path": str,
    "status": int,
    "error_code": str,
    "delay_ms": int,
    "count": int,
}


@dataclass
class Fault:
    """Hits calls that match all of service, action, method and part of the
    path ("" matches everything): waits delay_ms, then answers status (0: as
    usual, -1: closes the connection). count 0 is without end."""

    service: str = ""
    action: str = ""
    method: str = ""
    path: str = ""
    status: int = 0
    error_code: str = ""
    delay_ms: int = 0
    count: int = 0

    def matches(self, call: Call) -> bool:
        return (
            self.service in ("", call.service)
            and self.action in ("", call.action)
            and self.method in ("", call.method)
            and self.path in call.path
        )


class Faults:
    """The injected faults, in the order in which they were added; the first
    that matches hits."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []

    def add(self, raw: Any) -> None:
        """Adds faults from their JSON form. Raises ValueError for another form."""
        if not isinstance(raw, list):
            raise ValueError("a list of faults is wanted")
        parsed = []
        for item in raw:
            if not isinstance(item, dict):
                raise ValueError("a fault is an object")
            for name, value in item.items():
                if name not in FIELDS or not isinstance(value, FIELDS[name]):
                    raise ValueError(f"a fault has no {name} like {value!r}")
            parsed.append(Fault(**item))
        with self._lock:
            self._faults.extend(parsed)

    def left(self) -> list[dict[str, Any]]:
        """The faults that are still to hit, in their JSON form."""
        with self._lock:
            return [asdict(fault) for fault in self._faults]

    def clear(self) -> None:
        with self._lock:
            self._faults.clear()

    def hit(self, call: Call) -> Fault | None:
        """The fault that this call meets, which is thereby used once."""
        with self._lock:
            for fault in self._faults:
                if not fault.matches(call):
                    continue
                if fault.count:
                    fault.count -= 1
                    if fault.count == 0:
                        self._faults.remove(fault)
                return fault
        return None
