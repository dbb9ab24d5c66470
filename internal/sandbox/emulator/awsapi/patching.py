"""How a correction gets hold of one of moto's functions."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from awsapi.addresses import PublicAddresses
from awsapi.settings import Settings


def around(owner: Any, name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Replaces owner.name by the decorated function, which gets the original
    as its first argument. An owner without that name is an error: a newer moto
    that moved it is noticed at once, at the start."""
    original = getattr(owner, name)

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def replacement(*args: Any, **kwargs: Any) -> Any:
            return function(original, *args, **kwargs)

        setattr(owner, name, replacement)
        return function

    return decorate


def added(owner: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Adds the decorated function to a class of moto's, under its own name."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        setattr(owner, function.__name__, function)
        return function

    return decorate


class Version:
    """A number that grows whenever the snapshot may have changed. It starts
    with the time, so that a number of a former process is never current."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._value = int(time.time()) * 1_000_000

    def bump(self) -> None:
        with self._lock:
            self._value += 1

    @property
    def value(self) -> int:
        return self._value


@dataclass
class Emulator:
    """What corrections and control endpoints share: the settings, the pool of
    public addresses, the snapshot's version, and one lock which makes every
    request see and leave a consistent state (moto itself takes none)."""

    settings: Settings
    public: PublicAddresses
    version: Version = field(default_factory=Version)
    lock: threading.RLock = field(default_factory=threading.RLock)
    host_keys: set[str] = field(default_factory=set)
    awaited: threading.local = field(default_factory=threading.local)

    def await_later(self, event: threading.Event) -> None:
        """Lets the answer of the request that is being served wait for the event."""
        self.awaited.__dict__.setdefault("events", []).append(event)

    def wait(self, seconds: float) -> None:
        """Waits for what the request of this thread has to wait for; the lock is free."""
        for event in self.awaited.__dict__.pop("events", []):
            event.wait(seconds)

    def is_host_key(self, access_key: str) -> bool:
        """Whether the access key was given to a host for its role."""
        return access_key in self.host_keys
