"""The service infra-postgresql-agent: it runs the duties of this node, each in a thread of its own.

A duty is a module with a function run(context), called again and again; what it must remember between two calls it
keeps in context.memory. One that raises is journaled and called again: it never stops the others.
"""

from __future__ import annotations

import dataclasses
import importlib
import os
import signal
import threading
import time
import types

from infra_postgresql import cloud, journal

# Module and the seconds between two calls.
DUTIES = {
    "errand": 1.0,
    "sample": 1.0,
    "endpoint": 0.5,
    "restart": 2.0,
    "watch": 1.0,
    "rejoin": 2.0,
    "readmit": 2.0,
    "witness": 2.0,
    "heartbeat": 1.0,
    "switchover": 1.0,
    "backup": 60.0,
    "metrics": 60.0,
}
# A failure that lasts is journaled once in so many seconds.
REMIND = 300
# Duties that never take long, and the seconds after which one of them is stuck: then the agent ends, to be started anew.
BRISK, STUCK = ("sample", "endpoint"), 120
# What duties import when they first need it. Threads that import at once have been seen to wait for each other for ever.
LIBRARIES = ("psycopg2", "psycopg2.extensions", "boto3", "botocore.config", "botocore.exceptions", "botocore.session")


@dataclasses.dataclass
class Context:
    """What every duty is given; memory is the duty's own."""

    settings: object
    journal: journal.Journal
    cloud: cloud.Cloud
    stopping: threading.Event
    memory: types.SimpleNamespace = dataclasses.field(default_factory=types.SimpleNamespace)
    called: float = dataclasses.field(default_factory=time.monotonic)  # when the duty was last called


class Complaints:
    """Journals what goes wrong in a duty: when it begins, when it changes, now and then while it lasts, when it ends."""

    def __init__(self, diary, duty, clock=time.monotonic):
        self.diary, self.duty, self.clock = diary, duty, clock
        self.problem, self.told = None, 0.0

    def note(self, problem):
        """Take down how the last call ended: an error's text or None."""
        if problem is None:
            if self.problem is not None:
                self.diary.record("duty_recovered", duty=self.duty)
        elif problem != self.problem or self.clock() - self.told > REMIND:
            self.diary.record("duty_failed", duty=self.duty, problem=problem)
            self.told = self.clock()
        self.problem = problem


def keep(name, interval, context):
    """Run one duty until the agent stops."""
    complaints = Complaints(context.journal, name)
    while not context.stopping.is_set():
        started = context.called = time.monotonic()
        try:
            importlib.import_module("infra_postgresql." + name).run(context)
            complaints.note(None)
        except Exception as error:  # noqa: BLE001  whatever it is, the other duties go on
            complaints.note("%s: %s" % (type(error).__name__, error))
        context.stopping.wait(max(0.05, interval - (time.monotonic() - started)))


def load(diary):
    """Import everything that duties need, in this one thread; what is missing fails in the duty that needs it."""
    for name in (*LIBRARIES, *("infra_postgresql." + duty for duty in DUTIES)):
        try:
            importlib.import_module(name)
        except ImportError as error:
            diary.record("import_failed", problem=str(error))


def stuck(contexts, now):
    """Return the first of the brisk duties that has not come back for too long, or None."""
    return next((name for name in BRISK if now - contexts[name].called > STUCK), None)


def main(settings, _options):
    """Run the duties until SIGTERM."""
    diary, stopping = journal.Journal(settings), threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    diary.record("agent_started")
    load(diary)
    shared = cloud.Cloud(settings)
    contexts = {name: Context(settings, diary, shared, stopping) for name in DUTIES}
    for name, interval in DUTIES.items():
        threading.Thread(target=keep, args=(name, interval, contexts[name]), name=name, daemon=True).start()
    while not stopping.wait(5):
        name = stuck(contexts, time.monotonic())
        if name:
            diary.record("agent_stuck", duty=name)
            os._exit(1)
    diary.record("agent_stopped")
    return 0
