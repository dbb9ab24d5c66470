"""The planned change of the primary, in steps that `infra pg switchover` calls on each side.

pause       on every node: repmgrd decides nothing, for a limited time
handover    on the primary: checkpoint, clean stop; prints where its WAL ends
takeover    on the standby: waits until it has replayed exactly that, and promotes
resume      on the old primary, when nobody took over: starts it again
unpause     on every node

Nothing is lost: a primary that stops in order sends all of its WAL first, and a standby that has not replayed the last
record of it is not promoted. Two can never take writes: takeover and resume exclude each other by an advisory lock on
the standby's server, and each looks at the other's server while it holds the lock. When infra dies in between, the
duty below resumes and unpauses.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
import time

from infra_postgresql import datadir, journal, promote, server

LOCK = 5_432_001  # advisory, on the standby that is to take over
PAUSE_LIMIT = 180  # seconds; longer than a switchover may take
RESUME_AFTER = 60  # seconds without anybody taking over, longer than takeover tries
STOP_LIMIT = 60
START_LIMIT = 150  # longer than the boot guard waits for the others
REPLAY_LIMIT = 30
CHECKPOINT_LIMIT = 600
ARCHIVER_FAILING = "SELECT coalesce(last_failed_time > coalesce(last_archived_time, '-infinity'), false) FROM pg_stat_archiver"


class Refused(Exception):
    """The step was not begun; the text says why."""


def register(parser, name):
    """Declare the options of a subcommand."""
    if name == "handover":
        parser.add_argument("--to", required=True, metavar="NODE", help="the standby that takes over")
    if name == "takeover":
        parser.add_argument("--from", required=True, dest="origin", metavar="NODE", help="the primary that handed over")
        parser.add_argument("--lsn", required=True, help="where its WAL ends; - reads it from standard input")


def command(step):
    """Turn a step into a subcommand: it prints what it did as JSON, or why not, and returns the exit code."""

    def call(settings, options):
        try:
            with contextlib.redirect_stderr(io.StringIO()):  # the journal's own echo: infra shows standard error
                done = step(settings, options, journal.Journal(settings))
        except (Refused, server.Unreachable, OSError, ValueError, subprocess.SubprocessError) as error:
            print(error, file=sys.stderr)
            return 3 if isinstance(error, Refused) else 1
        print(json.dumps(done))
        return 0

    return call


def pause_step(settings, _options, diary):
    """Pause repmgrd of this node."""
    until = time.time() + PAUSE_LIMIT
    write(settings, "paused.json", {"until": until})  # before: a pause without an end is worse than an end without a pause
    set_paused(settings, True)
    diary.record("repmgrd_paused")
    return {"until": until}


def unpause_step(settings, _options, diary):
    """Let repmgrd of this node decide again."""
    set_paused(settings, False)
    remove(settings, "paused.json")
    diary.record("repmgrd_unpaused")
    return {}


def set_paused(settings, paused):
    """Tell repmgrd through the server, which need not be up on a former primary."""
    with server.connect(settings) as connection:
        server.rows(connection, "SELECT repmgr.repmgrd_pause(%s)", (paused,))


def handover_step(settings, options, diary):
    """End this primary in order. Return where its WAL ends."""
    to = other(settings, options.to)
    with server.connect(settings, patience=CHECKPOINT_LIMIT) as connection:
        before = server.state(connection)
        refuse_handover(settings, to, before, server.replicas(connection))
        if server.rows(connection, ARCHIVER_FAILING)[0][0]:
            raise Refused("WAL cannot be archived at the moment, and a server that stops waits for that")
        diary.record("checkpoint_begun", to=to.name)
        server.rows(connection, "CHECKPOINT")  # now, so that the one of the stop is short
        refuse_handover(settings, to, server.state(connection), server.replicas(connection))
    write(settings, "handover.json", {"to": to.name, "at": time.time(), "timeline": before.timeline})
    begun = diary.record("handover_begun", to=to.name, timeline=before.timeline)
    stop_server(settings)
    lsn, timeline = shut_down(datadir.control_data(settings))
    ended = diary.record("handover_done", to=to.name, timeline=timeline, lsn=lsn)
    return {"lsn": lsn, "timeline": timeline, "begun": begun["at"], "ended": ended["at"]}


def refuse_handover(settings, to, state, replicas):
    """Raise Refused unless the standby could take over without any delay. Pure."""
    if not state.writable:
        raise Refused("%s is not the primary" % settings.name)
    replica = next((replica for replica in replicas if replica.name == to.name), None)
    if replica is None or replica.state != "streaming":
        raise Refused("%s does not stream from %s" % (to.name, settings.name))
    if state.lsn - replica.flushed > settings.lag_limit_bytes:
        raise Refused("%s lags by %d bytes, more than %d" % (to.name, state.lsn - replica.flushed, settings.lag_limit_bytes))


def takeover_step(settings, options, diary):
    """Become the primary once everything that the old one wrote is here. What takes time comes before the position does."""
    origin = other(settings, options.origin)
    voters = [node for node in settings.nodes if node.number != origin.number]
    with server.connect(settings, patience=REPLAY_LIMIT) as connection, promote.claim(settings, voters) as votes:
        before = server.state(connection)
        if not before.in_recovery:
            raise Refused("%s is no standby" % settings.name)
        if votes * 2 <= len(settings.nodes):
            raise Refused("%d of %d nodes let %s take over" % (votes, len(settings.nodes), settings.name))
        lsn = options.lsn if options.lsn != "-" else sys.stdin.readline().strip()
        if not lsn:
            raise Refused("no position was given")
        wait_for(connection, position(lsn))
        replayed = diary.record("takeover_replayed", target=origin.name, lsn=lsn)
        if not server.rows(connection, "SELECT pg_try_advisory_lock(%s)", (LOCK,))[0][0]:
            raise Refused("%s is being started again" % origin.name)
        if answers(settings, origin):
            raise Refused("the server of %s runs" % origin.name)
        # The endpoint's duty goes by this: the old primary needs no fence.
        diary.record("takeover", before.timeline + 1, **{"from": origin.number, "timeline": before.timeline + 1, "lsn": lsn})
        state = end_recovery(settings, connection)
    promoted = diary.record("promoted", state.timeline, timeline=state.timeline, lsn=state.lsn)
    return {"lsn": lsn, "timeline": state.timeline, "replayed": replayed["at"], "promoted": promoted["at"]}


def end_recovery(settings, connection):
    """Promote the server. No limit: once asked for, a promotion comes, and while it may come nobody else may start."""
    while True:
        try:
            promote.by_server(settings)
        except server.Unreachable:
            pass  # asked again below
        state = server.state(connection)
        if state.writable:
            return state
        time.sleep(promote.PAUSE)


def wait_for(connection, position):
    """Return when the record that begins at the position has been replayed."""
    deadline = time.monotonic() + REPLAY_LIMIT
    while True:
        at = server.state(connection).replayed
        if at > position:
            return
        if time.monotonic() > deadline:
            raise Refused("the WAL up to %d did not arrive in %d s: replayed is %d" % (position, REPLAY_LIMIT, at))
        time.sleep(0.02)


def answers(settings, node):
    """Return whether the node's server takes connections."""
    try:
        server.ask(settings, node)
    except server.Unreachable:
        return False
    return True


def resume_step(settings, _options, diary):
    """Start the old primary again, unless the standby has taken over."""
    handed = read(settings, "handover.json")
    if handed is None:
        raise Refused("nothing was handed over")
    to = other(settings, handed["to"])
    with server.connect(settings, to) as arbiter:
        if not server.rows(arbiter, "SELECT pg_try_advisory_lock(%s)", (LOCK,))[0][0]:
            raise Refused("%s is taking over" % to.name)
        if server.state(arbiter).writable:
            remove(settings, "handover.json")
            raise Refused("%s has taken over" % to.name)
        start_server(settings)
        server.ask(settings)
    remove(settings, "handover.json")
    diary.record("handover_resumed", to=to.name)
    return {"timeline": handed["timeline"]}


def run(context):
    """Duty: end what an infra that died in the middle has left."""
    settings = context.settings
    paused, handed = read(settings, "paused.json"), read(settings, "handover.json")
    if handed:
        settle(settings, handed, context.journal)
    if paused and time.time() > paused["until"]:
        unpause_step(settings, None, context.journal)


def settle(settings, handed, diary):
    """Forget a handover that has ended, and resume one that nobody took over."""
    if os.path.exists(os.path.join(settings.data_directory, "standby.signal")):
        remove(settings, "handover.json")
    elif handed_for_too_long(handed, time.time()):
        try:
            resume_step(settings, None, diary)
        except Refused:
            pass  # taken over: to rejoin is another duty's


def handed_for_too_long(handed, now):
    """Return whether whoever was to take over has given up by now. Pure."""
    return now - handed["at"] > RESUME_AFTER


def stop_server(settings):
    """End the server in order. Clients wait meanwhile, so it is told without the detour by systemd, which sees it end."""
    run_program("stop", os.path.join(settings.bin_directory, "pg_ctl"), "stop", "--pgdata", settings.data_directory,
                "--mode", "fast", "--timeout", str(STOP_LIMIT))


def start_server(settings):
    """Start the server by way of systemd, and so of the boot guard."""
    run_program("start", "sudo", "-n", "/usr/bin/pg_ctlcluster", settings.version, "main", "start")


def run_program(what, *arguments):
    """Run a program that does something to the server. Raises OSError when it does not."""
    try:
        done = subprocess.run(arguments, capture_output=True, text=True, timeout=START_LIMIT, cwd="/", check=False)
    except subprocess.TimeoutExpired as error:
        raise OSError("the server did not %s within %d s" % (what, START_LIMIT)) from error
    if done.returncode != 0:
        raise OSError("the server did not %s: %s" % (what, (done.stderr or done.stdout).strip()[-400:]))


def shut_down(control):
    """Return where the last record of a server begins that has stopped in order, and its timeline, by pg_controldata's text. Pure."""
    said = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in control.splitlines())}
    if said.get("Database cluster state") != "shut down":
        raise OSError("the server did not stop in order: it is %r" % said.get("Database cluster state"))
    lsn = said["Latest checkpoint location"]
    position(lsn)
    return lsn, int(said["Latest checkpoint's TimeLineID"])


def position(lsn):
    """Return the number of bytes that a position such as 0/3000028 means. Raises ValueError. Pure."""
    high, _, low = lsn.partition("/")
    return (int(high, 16) << 32) + int(low, 16)


def other(settings, name):
    """Return the other data node of the name."""
    node = settings.named(name)
    if node is None or node.witness or node.number == settings.number:
        raise Refused("%s is not another node with data; those are %s" % (
            name, ", ".join(node.name for node in settings.other_data_nodes)))
    return node


def read(settings, name):
    """Return a note of this module, None when there is none."""
    try:
        with open(os.path.join(settings.state_directory, name), encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        return None


def write(settings, name, note):
    """Write a note of this module at once as a whole."""
    path = os.path.join(settings.state_directory, name)
    with open(path + ".new", "w", encoding="utf-8") as file:
        json.dump(note, file)
    os.replace(path + ".new", path)


def remove(settings, name):
    """Remove a note of this module."""
    try:
        os.unlink(os.path.join(settings.state_directory, name))
    except FileNotFoundError:
        pass


pause, unpause, resume = map(command, (pause_step, unpause_step, resume_step))
handover, takeover = map(command, (handover_step, takeover_step))
