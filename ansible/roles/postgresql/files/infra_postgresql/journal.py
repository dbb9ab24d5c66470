"""What happened on this node and when: one JSON object a line, the newest last, and the same to the log of systemd.

Several processes of this program write at once: a line is one write to a file opened for appending.
"""

from __future__ import annotations

import datetime
import json
import os
import sys
import time

# Where a new file is begun; one old one is kept.
LIMIT = 4 * 1024 * 1024


def now():
    """Return the time in UTC, RFC 3339 with milliseconds."""
    return stamp(datetime.datetime.now(datetime.timezone.utc))


def stamp(moment):
    """Return a moment (aware datetime) in the journal's form."""
    return moment.astimezone(datetime.timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def stamp_of(seconds):
    """Return a time in seconds since 1970 in the journal's form."""
    return stamp(datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc))


def moment(text):
    """Return the aware datetime of a journal's timestamp."""
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


class Journal:
    """The journal of this node."""

    def __init__(self, settings):
        self.path = os.path.join(settings.state_directory, "journal.jsonl")
        self.node = settings.name

    def record(self, event, term=None, **fields):
        """Write an event down and return it. A journal that cannot be written never stops what is journaled."""
        entry = {"at": now(), "event": event, "node": self.node, "term": term, **fields}
        line = json.dumps(entry, default=str)
        print(line, file=sys.stderr, flush=True)
        try:
            self._append(line.encode() + b"\n")
        except OSError as error:
            print("the journal cannot be written: %s" % error, file=sys.stderr, flush=True)
        return entry

    def entries(self, *events):
        """Return the entries, oldest first; only those of the named events, when any are named."""
        found = []
        for path in (self.path + ".1", self.path):
            try:
                with open(path, encoding="utf-8", errors="replace") as file:
                    lines = file.readlines()
            except FileNotFoundError:
                continue
            found.extend(entry for entry in map(_decode, lines) if entry and (not events or entry.get("event") in events))
        return found

    def last(self, *events):
        """Return the newest entry of the named events, or None."""
        found = self.entries(*events)
        return found[-1] if found else None

    def _append(self, line):
        handle = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            os.write(handle, line)
            if os.geteuid() == 0:  # the boot guard may be the first to write
                owner = os.stat(os.path.dirname(self.path))
                os.fchown(handle, owner.st_uid, owner.st_gid)
            if os.fstat(handle).st_size > LIMIT:
                os.replace(self.path, self.path + ".1")
        finally:
            os.close(handle)


class Once:
    """Journals an event of one attempt a single time, and a wait when its reason changes and now and then."""

    REMIND = 30

    def __init__(self, journal, clock=time.monotonic):
        self.journal, self.clock = journal, clock
        self.told = set()
        self.reason, self.since = None, 0.0

    def record(self, event, term=None, key=None, **fields):
        """Write the event down unless it, with its key, was."""
        if (event, key) not in self.told:
            self.told.add((event, key))
            self.journal.record(event, term, **fields)

    def wait(self, reason, term=None, event="waiting", **fields):
        """Write down what is waited for. Return whether it was written."""
        if reason == self.reason and self.clock() - self.since <= self.REMIND:
            return False
        self.reason, self.since = reason, self.clock()
        self.journal.record(event, term, reason=reason, **fields)
        return True


def _decode(line):
    try:
        entry = json.loads(line)
    except ValueError:
        return None  # cut short by a crash
    return entry if isinstance(entry, dict) else None
