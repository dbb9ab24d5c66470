"""Backups of this node by pgBackRest: what the timers run. Only the primary backs up, and who that is is asked each time.

A full backup that was due is noted on every node. One that failed, or was lost with its primary, is so made up for by
the next differential's timer, on whichever node is the primary then. Where there is a second repository, in another
region, it gets backups of its own; what went wrong with one keeps nothing from the other.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import subprocess
import time

from infra_postgresql import journal, repository, server

KINDS = ("full", "diff")
CHECKPOINT_LIMIT = 600  # seconds


def register(parser, _name):
    """Declare the options."""
    parser.add_argument("what", choices=[*KINDS, "stanza"], help="a full or differential backup; or make the stanza when there is none")
    parser.add_argument("--check", action="store_true", help="with stanza: prove that WAL arrives, also when nothing was made")


def main(settings, options):
    """Return the exit code: 0 also where there is nothing to do."""
    diary = journal.Journal(settings)
    try:
        if options.what == "stanza":
            return make_stanza(settings, diary, options.check)
        return back_up(settings, diary, options.what)
    except (repository.RepositoryError, server.Unreachable, OSError) as error:
        return failed(settings, diary, options.what, str(error))


def make_stanza(settings, diary, check):
    """Make the stanza, on the primary, when there is none."""
    if server.ask(settings).in_recovery:
        print(json.dumps({"primary": False, "created": False}))
        return 0
    created = any(repository.read(settings, number).missing for number in numbers(settings))
    if created:  # in every repository that lacks it
        repository.run(settings, "stanza-create")
        diary.record("stanza_created")
    if created or check:
        repository.run(settings, "check", patience=300)
    print(json.dumps({"primary": True, "created": created}))
    return 0


def back_up(settings, diary, wanted):
    """Make a backup of the wanted kind, or the one that is needed more."""
    asked = int(time.time())
    if wanted == "full":
        note_due(settings, asked)
    try:
        with server.connect(settings, patience=CHECKPOINT_LIMIT) as connection:
            own = server.state(connection)
            if own.in_recovery:
                print("this node is a standby: the primary backs up")
                return 0
            server.record_timeline(connection, own.timeline)  # pgBackRest refuses a primary that was promoted just now
    except server.Unreachable as error:
        print("the server of this node does not run, so it is not the one to back up: %s" % error)
        return 0
    with alone(settings):
        codes = [into(settings, diary, wanted, asked, number) for number in numbers(settings)]
    if not any(codes):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(repository.failure_mark(settings))
    return max(codes)


def numbers(settings):
    """Return the numbers of the repositories."""
    return range(1, settings.repositories + 1)


def into(settings, diary, wanted, asked, number):
    """Make the backup that a repository needs, and return the exit code."""
    try:
        kind = decide(wanted, repository.read(settings, number), due(settings), asked)
    except repository.RepositoryError as error:
        return failed(settings, diary, wanted, str(error), repository=number)
    if kind is None:
        print("a backup was made meanwhile")
        return 0
    return make(settings, diary, kind, number)


def decide(wanted, held, due_since, asked):
    """Return the kind of backup to make, or None when the wish was fulfilled while waiting for another backup."""
    newest, full = held.newest(), held.newest("full")
    if full is None or due_since > full.started:
        return "full"
    if wanted == "full" or newest.started >= asked:
        return None
    return "diff"


def make(settings, diary, kind, number=1, program=repository.PROGRAM):
    """Run the backup; what pgBackRest says goes to the log of systemd as it comes."""
    diary.record("backup_begun", kind=kind, repository=number)
    began, said = time.monotonic(), []
    words = [program, "--stanza=" + settings.stanza, "--repo=%d" % number, "--type=" + kind, "--log-level-console=info", "--log-level-stderr=off", "backup"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", cwd="/") as child:
        for line in child.stdout:
            print(line, end="", flush=True)
            said = said[-99:] + [line]
    seconds = round(time.monotonic() - began, 1)
    if child.returncode != 0:
        problem = repository.gist("".join(said)) or "pgBackRest ended with %d" % child.returncode
        return failed(settings, diary, kind, problem, seconds=seconds, repository=number)
    diary.record("backup_made", kind=kind, seconds=seconds, repository=number)
    return 0


def failed(settings, diary, kind, problem, **fields):
    """Journal a failure, mark it for the metrics and return the exit code."""
    diary.record("stanza_failed" if kind == "stanza" else "backup_failed", kind=kind, problem=problem, **fields)
    with contextlib.suppress(OSError), open(repository.failure_mark(settings), "w", encoding="utf-8") as file:
        file.write(problem + "\n")
    return 1


def run(context):
    """The agent's duty: after a promotion, ask systemd for a backup on the new timeline.

    What the failed primary had not archived is missing for ever, and no older backup can be replayed across that gap.
    """
    settings, memory = context.settings, context.memory
    if settings.me.witness:
        return
    now = server.ask(settings)
    if now.in_recovery or getattr(memory, "asked", None) == now.timeline:
        return
    newest = repository.read(settings).newest()
    if newest is not None and newest.timeline < now.timeline:
        context.journal.record("backup_wanted", timeline=now.timeline, newest=newest.label)
        with open(os.path.join(settings.state_directory, "backup-wanted"), "w", encoding="utf-8") as file:
            file.write(journal.now() + "\n")
    memory.asked = now.timeline


@contextlib.contextmanager
def alone(settings):
    """Wait for another backup of this node to end, and keep others waiting."""
    with open(os.path.join(settings.state_directory, "backup.lock"), "w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def note_due(settings, moment):
    """Remember that a full backup is due since a moment (seconds since the epoch)."""
    path = _due_path(settings)
    with open(path + ".new", "w", encoding="utf-8") as file:
        file.write("%d\n" % moment)
    os.replace(path + ".new", path)


def due(settings):
    """Return since when a full backup was due last; 0 when none ever was."""
    try:
        with open(_due_path(settings), encoding="utf-8") as file:
            return int(file.read())
    except (FileNotFoundError, ValueError):
        return 0


def _due_path(settings):
    return os.path.join(settings.state_directory, "backup-due")
