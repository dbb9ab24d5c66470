"""What the backups' repository holds, as pgBackRest tells it, and how archiving goes, as the server tells it."""

from __future__ import annotations

import dataclasses
import glob
import json
import os
import subprocess
import threading
import time

from infra_postgresql import server

PROGRAM = "/usr/bin/pgbackrest"
PATIENCE = 120  # seconds for reading the repository
FRESH = 300  # seconds that an answer is good for, for those who ask all the time
# Status codes of `pgbackrest info`.
OK, MISSING_PATH, NO_BACKUP, MISSING_DATA = 0, 1, 2, 3

ARCHIVER = """
SELECT failed_count, extract(epoch FROM now() - last_archived_time)::float8 FROM pg_stat_archiver
"""


class RepositoryError(Exception):
    """pgBackRest failed; the text is what it said."""


@dataclasses.dataclass(frozen=True)
class Backup:
    """A finished backup. Times are seconds since the epoch; bad means that pages failed their checksums."""

    label: str
    kind: str
    started: int
    stopped: int
    size: int
    timeline: int
    bad: bool


@dataclasses.dataclass(frozen=True)
class Repository:
    """The stanza's status and its backups, oldest first."""

    code: int
    message: str
    backups: tuple[Backup, ...] = ()

    @property
    def missing(self):
        """Whether the stanza was never made."""
        return self.code in (MISSING_PATH, MISSING_DATA)

    def newest(self, kind=None):
        """Return the newest good backup, of any kind or of one; None when there is none."""
        return next((b for b in reversed(self.backups) if not b.bad and kind in (None, b.kind)), None)


def decode(text):
    """Return the Repository of the text of `pgbackrest info --output=json`."""
    try:
        stanzas = json.loads(text)
        if stanzas == []:
            return Repository(MISSING_PATH, "missing stanza path")
        status = stanzas[0]["status"]
        if status["code"] not in (OK, MISSING_PATH, NO_BACKUP, MISSING_DATA):  # S3 away, or another passphrase: nothing is known
            raise RepositoryError("; ".join(repo["status"]["message"] for repo in stanzas[0].get("repo", [])) or status["message"])
        return Repository(status["code"], status["message"], tuple(_backup(raw) for raw in stanzas[0].get("backup", [])))
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise RepositoryError("its answer cannot be read: %r" % error) from error


def _backup(raw):
    return Backup(raw["label"], raw["type"], raw["timestamp"]["start"], raw["timestamp"]["stop"], raw["info"]["size"],
                  int(raw["archive"]["stop"][:8], 16), bool(raw.get("error")))


def run(settings, *words, patience=PATIENCE, program=PROGRAM):
    """Run pgBackRest and return what it wrote. Raises RepositoryError with the gist of its complaint."""
    try:
        done = subprocess.run([program, "--stanza=" + settings.stanza, *words], capture_output=True, text=True, timeout=patience,
                              cwd="/", check=False)
    except subprocess.TimeoutExpired as error:
        raise RepositoryError("%s took longer than %d s" % (words[-1], patience)) from error
    except OSError as error:
        raise RepositoryError(str(error)) from error
    if done.returncode != 0:
        raise RepositoryError(gist(done.stdout + done.stderr) or "%s ended with %d" % (words[-1], done.returncode))
    return done.stdout


def gist(log):
    """Return the errors in a log of pgBackRest, on one line."""
    errors, within = [], False
    for line in log.splitlines():
        if "ERROR: " in line:
            errors.append(line.split("ERROR: ", 1)[1].strip())
            within = True
        elif within and line.startswith(" "):  # its second line, a hint mostly
            errors[-1] += " " + line.strip()
        else:
            within = False
    return "; ".join(dict.fromkeys(errors))[:1000]


def read(settings, number=1):
    """Return a Repository as it is now. Raises RepositoryError."""
    return decode(run(settings, "--repo=%d" % number, "--output=json", "info"))


class Watch:
    """Asked again and again, it reads the repository now and then, and remembers how often archiving had failed."""

    def __init__(self, reader=read, clock=time.monotonic):
        self.reader, self.clock = reader, clock
        self.lock = threading.Lock()
        self.held, self.since = None, 0.0
        self.failures = None

    def repository(self, settings):
        """Return a Repository not older than FRESH."""
        with self.lock:
            if self.held is None or self.clock() - self.since > FRESH:
                self.held = None
                self.held, self.since = self.reader(settings), self.clock()
            return self.held

    def new_failures(self, count):
        """Return how many failures are new since the last call; the server's count begins anew after a crash."""
        before, self.failures = self.failures, count
        if before is None:
            return 0
        return count - before if count >= before else count


_watch = Watch()


def metrics(settings, watch=_watch):
    """Return the values of the backup metrics of this primary; {} elsewhere. What cannot be known is left out."""
    if settings.me.witness:
        return {}
    try:
        with server.connect(settings, database="postgres") as connection:
            if server.state(connection).in_recovery:
                watch.failures = None
                return {}
            failed, archived = server.rows(connection, ARCHIVER)[0]
    except server.Unreachable:
        return {}
    found = {"archive_failures": watch.new_failures(failed), "last_archived_age_seconds": _archived(settings, archived)}
    marked = _mtime(failure_mark(settings), missing=0)
    try:
        found.update(of_backups(watch.repository(settings), time.time(), marked))
    except RepositoryError:
        found["backup_failed"] = int(marked > 0)  # and no age is told, which is an alarm by itself
    return found


def of_backups(held, now, marked):
    """Return the metrics that follow from a Repository. marked is when a backup of this node failed last, 0 for never."""
    newest, full = held.newest(), held.newest("full")
    found = {"backup_failed": int(marked > (newest.stopped if newest else 0))}
    if newest and full:
        found.update(backup_age_seconds=max(0, now - newest.stopped), backup_size_bytes=newest.size,
                     backup_duration_seconds=full.stopped - full.started)
    return found


def failure_mark(settings):
    """Return the path of the file that a failed backup leaves and the next good one removes."""
    return os.path.join(settings.state_directory, "backup-failed")


def _archived(settings, age):
    """Return the seconds since WAL was archived. A new primary, which never did, is measured by what waits."""
    if age is not None:
        return max(0.0, age)
    waiting, now = glob.glob(os.path.join(settings.data_directory, "pg_wal", "archive_status", "*.ready")), time.time()
    return max((now - _mtime(path, missing=now) for path in waiting), default=0.0)


def _mtime(path, missing):
    try:
        return os.stat(path).st_mtime
    except FileNotFoundError:
        return missing
