"""Makes a standby of this node's data: rewinds it to where the primary's history forked off, or copies the data anew.

The traps: pg_rewind cannot end a crash recovery with the configuration outside of the data directory, so that is done
first; a primary that was promoted just now still tells its old timeline until a checkpoint; and a standby waits for
WAL that an idle primary has not written out.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import threading
import time

from infra_postgresql import datadir, program, server

SETTLE = 5.0  # seconds after a promotion was first seen
SETTLE_LIMIT = 120.0
REWIND_LIMIT = 60
RECOVERY_LIMIT = 600
STREAM_LIMIT = 60.0
COPY_LIMIT = 24 * 3600
CONFIGURATION = "/etc/repmgr.conf"
STARTING = "starting server using"  # repmgr's last word before the start


def conninfo(settings, node, **more):
    """Return how the node's server is reached."""
    words = {"host": node.address, "user": settings.user, "dbname": "repmgr", "connect_timeout": "2", "sslmode": "require", **more}
    return " ".join("%s=%s" % item for item in words.items())


def settle(settings, primary):
    """Wait until the primary's own record tells its timeline. Raises Failed."""
    started, since = time.monotonic(), None
    while time.monotonic() - started < SETTLE_LIMIT:
        with contextlib.suppress(server.Unreachable), server.connect(settings, primary, patience=60) as connection:
            state = server.state(connection)
            since = (since or time.monotonic()) if state.writable else None
            if since:
                if not server.record_timeline(connection, state.timeline) and time.monotonic() - since >= SETTLE:
                    return
        time.sleep(1)
    raise program.Failed("%s is no settled primary" % primary.name)


def end_crash_recovery(settings):
    """Bring the data directory to a clean end, with nobody able to connect, and remove no WAL: pg_rewind reads it. Raises Failed."""
    if datadir.look(settings).clean:
        return
    program.run([os.path.join(settings.bin_directory, "postgres"), "--single", "-D", settings.data_directory,
                 "-c", "config_file=%s" % os.path.join(settings.config_directory, "postgresql.conf"),
                 "-c", "archive_mode=off", "-c", "synchronous_standby_names=", "-c", "wal_keep_size=1000GB", "template1"], RECOVERY_LIMIT)


def rewind(settings, primary):
    """Take back what the primary does not have, and start as its standby. Raises Failed."""
    with switching(settings, primary):
        try:
            program.run(["/usr/bin/repmgr", "-f", CONFIGURATION, "node", "rejoin", "-d", conninfo(settings, primary), "--force-rewind",
                         "--config-files=postgresql.auto.conf"], REWIND_LIMIT)
        except program.Failed as error:
            if STARTING not in str(error):
                raise
            # All is rewound and written; only the start, or the look at it, took too long for repmgr.
            start(settings)
            register(settings, primary)


@contextlib.contextmanager
def switching(settings, primary):
    """Have the primary write out its WAL now and then."""
    ended = threading.Event()

    def switch():
        pause = 2
        while not ended.wait(pause):
            pause = 10
            with contextlib.suppress(server.Unreachable), server.connect(settings, primary) as connection:
                server.rows(connection, "SELECT pg_switch_wal()")

    thread = threading.Thread(target=switch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(10)


def restore(settings, primary):
    """Copy the data from the last backup and make it follow the primary. Raises Failed."""
    slot = "repmgr_slot_%d" % settings.number
    with server.connect(settings, primary) as connection:
        if not server.rows(connection, "SELECT FROM pg_replication_slots WHERE slot_name = %s", (slot,)):
            server.rows(connection, "SELECT pg_create_physical_replication_slot(%s, true)", (slot,))
    upstream = "host=%s user=%s connect_timeout=2 sslmode=require application_name=%s passfile=%s" % (
        primary.address, settings.user, settings.name, os.path.expanduser("~/.pgpass"))
    program.run(["/usr/bin/pgbackrest", "--stanza=" + settings.stanza, "--type=standby", "--delta",
                 "--recovery-option=primary_conninfo=" + upstream, "--recovery-option=primary_slot_name=" + slot, "restore"], COPY_LIMIT)


def clone(settings, primary):
    """Copy the data from the primary. Raises Failed or Unreachable."""
    if not server.ask(settings, primary).writable:
        raise program.Failed("%s is not the primary any more" % primary.name)
    empty(settings.data_directory)
    program.run(["/usr/bin/repmgr", "-f", CONFIGURATION, "-h", primary.address, "-U", settings.user, "-d", "repmgr",
                 "standby", "clone", "--force", "--fast-checkpoint"], COPY_LIMIT)


def empty(path):
    """Remove what is in a directory."""
    for entry in os.scandir(path) if os.path.isdir(path) else []:
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path)
        else:
            os.unlink(entry.path)


def backed_up(settings):
    """Whether there is a backup to restore of the cluster that the primary runs."""
    if not os.path.exists("/etc/pgbackrest/pgbackrest.conf"):
        return False
    try:
        stanzas = json.loads(program.run(["/usr/bin/pgbackrest", "--stanza=" + settings.stanza, "--output=json", "info"], 60))
    except (program.Failed, ValueError):
        return False
    return any(not backup.get("error") for stanza in stanzas for backup in stanza.get("backup", []))


def start(settings):
    """Start the server by way of systemd and so of the boot guard. Raises Failed."""
    program.run(["sudo", "-n", "/usr/bin/pg_ctlcluster", settings.version, "main", "start"], RECOVERY_LIMIT)


def stop(settings):
    """Stop the server, at once when it does not do so in order. Raises Failed."""
    for mode in ("fast", "immediate"):
        with contextlib.suppress(program.Failed):
            program.run([os.path.join(settings.bin_directory, "pg_ctl"), "stop", "--pgdata", settings.data_directory,
                         "--mode", mode, "--timeout", "60"], 90)
        if datadir.postmaster(settings.data_directory) is None:
            return
    raise program.Failed("the server does not stop")


def follow(settings, primary):
    """Have a running standby follow the primary. Raises Failed."""
    program.run(["/usr/bin/repmgr", "-f", CONFIGURATION, "standby", "follow", "--upstream-node-id=%d" % primary.number], REWIND_LIMIT)


def register(settings, primary):
    """Tell the cluster's table that this node is a standby of the primary. Raises Failed."""
    program.run(["/usr/bin/repmgr", "-f", CONFIGURATION, "standby", "register", "--force",
                 "--upstream-node-id=%d" % primary.number], 60)


def await_stream(settings, primary, limit=STREAM_LIMIT):
    """Wait until the own server streams from the primary. Raises Failed."""
    deadline, last = time.monotonic() + limit, "no answer"
    while time.monotonic() < deadline:
        try:
            own = server.ask(settings)
            if own.in_recovery and own.receiver == "streaming" and own.sender == primary.address:
                return
            last = "in recovery, receiver %s" % (own.receiver or "down") if own.in_recovery else "not in recovery"
        except server.Unreachable as error:
            last = str(error)
        time.sleep(0.5)
    raise program.Failed("it does not stream from %s after %d s: %s" % (primary.name, limit, last))


def tidy(settings):
    """Forget what a standby must not keep: slots of the time as primary hold WAL back for ever, and a restore command, meant
    for a copy, would make a promotion wait for the backup bucket.
    """
    with server.connect(settings) as connection:
        server.rows(connection, "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_type = 'physical' AND NOT active")
        if server.rows(connection, "SHOW restore_command")[0][0]:
            server.rows(connection, "ALTER SYSTEM RESET restore_command")
            server.rows(connection, "SELECT pg_reload_conf()")


def forget_election(settings):
    """A promoted node tells the others whom to follow. Where this program was faster than repmgrd, or repmgrd was away, that
    word stays and leads repmgrd astray at the next failover.
    """
    with server.connect(settings) as connection:
        server.rows(connection, "SELECT repmgr.reset_voting_status()")


def restart_repmgrd():
    """repmgrd watches what the node was when it started. Raises Failed."""
    program.run(["sudo", "-n", "/usr/bin/systemctl", "restart", "repmgrd.service"], 60)
