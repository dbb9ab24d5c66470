"""The duty that makes this node a standby of the primary again, whatever happened to it: see disposition.py for what is
decided and rebuild.py for how it is done. What it does to the data is preceded by evidence.py.

While a rejoin is under way <state>/rejoin.json exists; once `touched` stands there the data is no server's any more.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time

from infra_postgresql import cloud, datadir, disposition, evidence, journal, program, rebuild, restart, server

PAUSE = 20  # seconds between two tries
GIVEN_UP = 600  # the same, of a node that asked to be replaced
LOOK_AGAIN = 10  # seconds between two looks at a node that is what it should be
PATIENCE = 1800  # seconds that a person waits for `infra pg rejoin`


def run(context):
    """The duty."""
    if context.settings.me.witness:
        return
    memory = context.memory
    if time.monotonic() < getattr(memory, "not_before", 0.0) and not cut_off(context.settings, memory):
        return
    with lock(context.settings) as mine:
        if mine:
            act(context.settings, context.journal, context.cloud, memory)


def main(settings, _options):
    """Rejoin now; return 0 when the node streams from the primary. One JSON object tells what was done."""
    diary, api, memory = journal.Journal(settings), cloud.Cloud(settings), Memory()
    memory.urgent = True
    started = time.monotonic()
    step = None
    while time.monotonic() - started < PATIENCE:
        with lock(settings) as mine:
            if mine:
                step = act(settings, diary, api, memory)
                if step.action == disposition.DONE or step.action == disposition.NOTHING and not step.soon:
                    break
        time.sleep(1)
    done = step is not None and step.action == disposition.DONE
    if done:
        forgive(settings, diary)
    print(json.dumps({"method": memory.method if done else "none", "done": done, "reason": step.reason if step else "the agent is at work",
                      "seconds": round(time.monotonic() - started, 1)}))
    return 0 if done else 1


def forgive(settings, diary):
    """A person has seen to this node: its fences until now no longer keep it down."""
    sender = server.ask(settings).sender
    primary = next(node for node in settings.data_nodes if node.address == sender)
    try:
        with server.connect(settings, primary) as connection:
            server.rows(connection, restart.FORGIVE, (settings.number, "infra pg rejoin"))
    except server.Unreachable as error:
        diary.record("forgiving_failed", problem=str(error))


def cut_off(settings, memory):
    """Whether a node that was what it should be no longer streams."""
    if getattr(memory, "action", None) != disposition.DONE:
        return False
    try:
        own = server.ask(settings)
    except server.Unreachable:
        return False  # it may just be restarted
    return own.in_recovery and own.receiver != "streaming"


class Memory:
    """What is kept between two looks."""

    def __init__(self):
        self.urgent = False
        self.method = "none"


def act(settings, diary, api, memory):
    """Look, decide and do. Return the Step that was decided."""
    view = look(settings, memory)
    step = disposition.decide(view)
    if step.action != getattr(memory, "action", None):
        memory.action, memory.tries = step.action, 0
    if step.reason != getattr(memory, "told", None):
        memory.told = step.reason
        diary.record("rejoin_view", action=step.action, reason=step.reason)
    if step.action == disposition.DONE:
        finish(settings, diary)
        memory.not_before = time.monotonic() + LOOK_AGAIN
    elif step.action != disposition.NOTHING:
        memory.tries += 1
        perform(settings, diary, api, memory, view, step)
    return step


def look(settings, memory):
    """Return the View, and keep for how long it has been so."""
    mark = read_mark(settings)
    try:
        own = server.ask(settings)
    except server.Unreachable:
        own = None
    directory = datadir.look(settings)
    streaming = bool(own and own.receiver == "streaming")
    key = (own is not None, streaming and own.sender, directory.running)
    if key != getattr(memory, "key", None):
        memory.key, memory.since = key, time.monotonic()
        memory.tries = getattr(memory, "tries", 0) if own is None else 0
    quiet = float("inf") if getattr(memory, "urgent", False) else time.monotonic() - memory.since
    # Nobody else needs to be asked while this node is what it should be.
    peers = {} if own and own.writable else server.ask_all(settings, settings.other_data_nodes)
    return disposition.View(
        directory=directory, own=own, peers=peers, addresses={node.number: node.address for node in settings.nodes},
        touched=bool(mark.get("touched")), begun=bool(mark), handover=os.path.exists(os.path.join(settings.state_directory, "handover.json")),
        quiet=quiet, tries=getattr(memory, "tries", 0))


def perform(settings, diary, api, memory, view, step):
    """Do the step; a failure is journaled, and what was decided is tried again or gives way to more."""
    primary = settings.node(view.primary) if view.primary else None
    started = time.monotonic()
    try:
        if step.action == disposition.START:
            rebuild.start(settings)
        elif step.action == disposition.FOLLOW:
            rebuild.follow(settings, primary)
            rebuild.await_stream(settings, primary, 20)
        else:
            memory.method = become_standby(settings, diary, api, view, step, primary)
            diary.record("rejoined", primary=primary.name, method=memory.method, seconds=round(time.monotonic() - started, 1))
            return
        diary.record("server_started" if step.action == disposition.START else "followed", reason=step.reason)
    except (program.Failed, server.Unreachable, OSError) as error:
        diary.record("rejoin_failed", action=step.action, problem=str(error))
        memory.not_before = time.monotonic() + PAUSE
        if step.action == disposition.REJOIN and memory.tries >= disposition.TRIES:
            mark(settings, wanted=True)
            diary.record("replacement_wanted", reason="neither rewinding nor copying made a standby of this node")
            memory.not_before = time.monotonic() + GIVEN_UP


def become_standby(settings, diary, api, view, step, primary):
    """Rewind or copy; return which. Raises Failed, Unreachable or OSError."""
    note = read_mark(settings)
    diary.record("rejoin_started", primary=primary.name, reason=step.reason, timeline=view.directory.timeline)
    if not note.get("evidence"):
        note = mark(settings, since=note.get("since") or journal.now(), evidence=evidence.capture(settings, diary, api, step.reason, view.peers))
    if datadir.postmaster(settings.data_directory):
        rebuild.stop(settings)
    rebuild.settle(settings, primary)
    # What an interrupted rewind left may look whole and is not: it is copied over.
    if not note.get("touched") and view.directory.exists and rewound(settings, diary, primary):
        return "rewind"
    mark(settings, touched=True)
    method = copied(settings, diary, primary)
    rebuild.register(settings, primary)
    rebuild.await_stream(settings, primary)
    return method


def rewound(settings, diary, primary):
    """Try to rewind; tell whether the node streams."""
    try:
        rebuild.end_crash_recovery(settings)
        mark(settings, touched=True)
        rebuild.rewind(settings, primary)
        rebuild.await_stream(settings, primary)
    except program.Failed as error:
        diary.record("rewind_failed", problem=str(error))
        if datadir.postmaster(settings.data_directory):
            rebuild.stop(settings)
        return False
    return True


def copied(settings, diary, primary):
    """Copy the data and start; return how."""
    if rebuild.backed_up(settings):
        try:
            rebuild.restore(settings, primary)
            rebuild.start(settings)
            rebuild.await_stream(settings, primary, 300)
            return "restore"
        except (program.Failed, server.Unreachable) as error:
            diary.record("restore_failed", problem=str(error))
            if datadir.postmaster(settings.data_directory):
                rebuild.stop(settings)
    rebuild.clone(settings, primary)
    rebuild.start(settings)
    return "clone"


def finish(settings, diary):
    """Clear up, once the node streams: after an election, and after a rejoin."""
    rebuild.forget_election(settings)
    if not read_mark(settings):
        return
    rebuild.tidy(settings)
    with contextlib.suppress(program.Failed):
        rebuild.restart_repmgrd()
    with contextlib.suppress(FileNotFoundError):
        os.unlink(mark_path(settings))
    diary.record("rejoin_finished")


def mark_path(settings):
    """Return the path of the note of a rejoin that is under way."""
    return os.path.join(settings.state_directory, "rejoin.json")


def read_mark(settings):
    """Return the note, empty when no rejoin is under way."""
    try:
        with open(mark_path(settings), encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError):
        return {"touched": True}


def mark(settings, **fields):
    """Add to the note and return it."""
    note = {**read_mark(settings), **fields}
    temporary = mark_path(settings) + ".new"
    with open(temporary, "w", encoding="utf-8") as file:
        json.dump(note, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, mark_path(settings))
    return note


@contextlib.contextmanager
def lock(settings):
    """Yield whether this process is the one that works on the node."""
    with open(os.path.join(settings.state_directory, "rejoin.lock"), "a", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        token = program.shared_files.set((file.fileno(),))
        try:
            yield True
        finally:
            program.shared_files.reset(token)
