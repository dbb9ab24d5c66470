"""Public addresses out of the sandbox's own range."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable


class PublicAddresses:
    """Hands out addresses one after the other and starts again at the end, so
    that a freed address rests as long as possible before it names another host."""

    def __init__(self, network: ipaddress.IPv4Network, in_use: Callable[[], set[str]]):
        self._network = network
        self._in_use = in_use
        self._next = 1

    def take(self) -> str:
        """An address that nothing holds now."""
        used = self._in_use()
        last = self._network.num_addresses - 1
        for _ in range(1, last):
            candidate = str(self._network[self._next])
            self._next = self._next + 1 if self._next + 1 < last else 1
            if candidate not in used:
                return candidate
        raise RuntimeError(f"no public address is left in {self._network}")
