"""Where the primary was when this standby last asked, once a second: after a failure it is too late to ask.

The newest sample stands in a file, for the program that decides whether this standby may take over.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import time

from infra_postgresql import server


@dataclasses.dataclass(frozen=True)
class Sample:
    """A primary's position and timeline and this standby's own; streaming names the standbys that it had in sync."""

    at: float
    primary: int
    primary_lsn: int
    received_lsn: int
    timeline: int
    own_timeline: int
    sync_state: str | None
    streaming: tuple[str, ...]

    @property
    def lag(self):
        """How many bytes of WAL had not arrived."""
        return max(0, self.primary_lsn - self.received_lsn)


def path(settings):
    """Return the path of the newest sample."""
    return os.path.join(settings.state_directory, "sample.json")


def read(settings):
    """Return the newest Sample, or None."""
    try:
        with open(path(settings), encoding="utf-8") as file:
            raw = json.load(file)
        return Sample(**{**raw, "streaming": tuple(raw["streaming"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def write(settings, sample):
    """Make the sample the newest."""
    temporary = path(settings) + ".new"
    with open(temporary, "w", encoding="utf-8") as file:
        json.dump(dataclasses.asdict(sample), file)
    os.replace(temporary, path(settings))


def take(settings, own, primary, connection):
    """Return a Sample; own was read before, so the distance is never told too small."""
    position = server.state(connection)
    if position.in_recovery:
        return None
    replicas = [replica for replica in server.replicas(connection) if replica.state == "streaming"]
    me = next((replica for replica in replicas if replica.name == settings.name), None)
    return Sample(at=time.time(), primary=primary.number, primary_lsn=position.lsn, received_lsn=own.lsn,
                  timeline=position.timeline, own_timeline=own.timeline, sync_state=me.sync_state if me else None,
                  streaming=tuple(replica.name for replica in replicas if replica.sync_state in ("sync", "quorum")))


def run(context):
    """The duty: on a standby, ask the primary and write down what it says."""
    settings = context.settings
    if settings.me.witness:
        return
    try:
        with server.connect(settings) as local:
            own = server.state(local)
            number = next((row[0] for row in server.rows(local, server.NODES) if row[2] == "primary" and row[3]), None)
    except server.Unreachable:
        return  # no server here, nothing to take over with
    if own.writable:
        _forget(context)
        return
    if number is None or number == settings.number:
        return
    primary = settings.node(number)
    try:
        found = take(settings, own, primary, _line(context, primary))
    except Exception:
        _hang_up(context)
        raise
    if found:
        write(settings, found)


def _line(context, primary):
    """Return the connection to the primary that is kept between two samples."""
    if getattr(context.memory, "primary", None) != primary.number:
        _hang_up(context)
        context.memory.stack = contextlib.ExitStack()
        context.memory.connection = context.memory.stack.enter_context(server.connect(context.settings, primary))
        context.memory.primary = primary.number
    return context.memory.connection


def _hang_up(context):
    context.memory.primary = None
    stack = getattr(context.memory, "stack", None)
    if stack:
        context.memory.stack = None
        with contextlib.suppress(Exception):
            stack.close()


def _forget(context):
    """A primary has no primary: what it knew as a standby must not count when it is one again."""
    _hang_up(context)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path(context.settings))
