"""The duty that keeps the votes together: a witness that does not follow the primary is registered there again, and a
repmgrd that watches another node than the primary is restarted. Without it the next failover has no quorum.
"""

from __future__ import annotations

import dataclasses
import time

from infra_postgresql import program, rebuild, server
from infra_postgresql import settings as settings_module

GRACE = 5.0  # seconds that repmgrd has to do so by itself
PAUSE = 15.0  # seconds that a mend has to show
LOOK_AGAIN = 5.0  # seconds between two looks at what is as it should be

OWN = """
SELECT (SELECT upstream_node_id FROM repmgr.nodes WHERE node_id = %(me)s), repmgr.get_upstream_node_id(), repmgr.repmgrd_is_running()
"""
ON_PRIMARY = "SELECT upstream_node_id FROM repmgr.nodes WHERE node_id = %(me)s AND active"


def run(context):
    """The duty."""
    settings, memory = context.settings, context.memory
    if time.monotonic() < getattr(memory, "not_before", 0.0):
        return
    seen = gather(settings)
    wrong = judge(settings, seen) if seen else None
    if not wrong:
        memory.since = None
        memory.not_before = time.monotonic() + (LOOK_AGAIN if seen else 0)
        return
    memory.since = getattr(memory, "since", None) or time.monotonic()
    if time.monotonic() - memory.since < GRACE:
        return
    memory.not_before = time.monotonic() + PAUSE
    primary, table, reason = wrong
    if table:
        program.run(["/usr/bin/repmgr", "-f", rebuild.CONFIGURATION, "-h", primary.address, "-U", settings.user, "-d", "repmgr",
                     "witness", "register", "--force"], 60)
    rebuild.restart_repmgrd()
    context.journal.record("witness_registered" if table else "repmgrd_restarted", primary=primary.name, reason=reason)


@dataclasses.dataclass(frozen=True)
class Seen:
    """table: the upstream in the own table; known: in the primary's; watched: what the own repmgrd looks at."""

    primary: settings_module.Node
    table: int | None
    known: int | None
    watched: int | None
    running: bool


def gather(settings):
    """Return Seen, or None where nothing can be said or, on the primary, there is nothing to say."""
    try:
        with server.connect(settings) as connection:
            own = server.state(connection)
            table, watched, running = server.rows(connection, OWN, {"me": settings.number})[0]
        if not settings.me.witness and own.writable:
            return None
        primary = one_primary(settings, server.ask_all(settings, settings.other_data_nodes))
        if primary is None:
            return None
        with server.connect(settings, primary) as connection:
            found = server.rows(connection, ON_PRIMARY, {"me": settings.number})
    except server.Unreachable:
        return None
    return Seen(primary, table, found[0][0] if found else None, watched, bool(running))


def one_primary(settings, states):
    """Return the node that takes writes, None when none or more than one does."""
    writable = [number for number, state in states.items() if state and state.writable]
    return settings.node(writable[0]) if len(writable) == 1 else None


def judge(settings, seen):
    """Return (primary, whether the table is wrong, why), or None when all is well."""
    number = seen.primary.number
    if settings.me.witness and not registered(seen):
        return seen.primary, True, "the witness follows node %s, the primary has it as following %s" % (seen.table, seen.known)
    if seen.running and seen.watched not in (None, -1, number):
        return seen.primary, False, "repmgrd watches node %s" % seen.watched
    return None


def registered(seen):
    """Whether both tables say that the node follows the primary."""
    return seen.table == seen.known == seen.primary.number


def follows(settings):
    """Whether the witness follows the primary, None when nothing can be said."""
    seen = gather(settings)
    if seen is None:
        return None
    return registered(seen) and seen.running and seen.watched in (None, -1, seen.primary.number)
