"""The duty that writes a row a second while this node is the primary: how long nothing could be written, and how much a
restore lost, is read from these rows. It also looks whether the canaries, rows that never change, are all there.
"""

from __future__ import annotations

import time

from infra_postgresql import server

KEPT_DAYS = 3
HOUR = 3600.0

BEAT = "INSERT INTO infra.heartbeat (at, node) VALUES (clock_timestamp(), %s) ON CONFLICT DO NOTHING"
PRUNE = "DELETE FROM infra.heartbeat WHERE at < now() - make_interval(days => %s)"
CANARIES = """
SELECT (SELECT md5(string_agg(id || ':' || payload, ',' ORDER BY id)) FROM infra.canary)
     = (SELECT md5(string_agg(id || ':' || md5('infra-canary-' || id), ',' ORDER BY id)) FROM generate_series(1, 1000) AS id)
"""


def run(context):
    """The duty."""
    settings, memory = context.settings, context.memory
    if settings.me.witness:
        return
    try:
        with server.connect(settings) as connection:
            if server.state(connection).in_recovery:
                return
            server.rows(connection, BEAT, (settings.name,))
            if time.monotonic() >= getattr(memory, "next_tidy", 0.0):
                memory.next_tidy = time.monotonic() + HOUR
                tidy(context, connection)
    except server.Unreachable:
        if answers(settings):  # a server that is down or starts is no failure of this duty
            raise


def answers(settings):
    """Whether the own server answers at all."""
    try:
        server.ask(settings)
    except server.Unreachable:
        return False
    return True


def tidy(context, connection):
    """Forget old rows, and journal damaged canaries: they are never mended, for a restore must find them as they were."""
    server.rows(connection, PRUNE, (KEPT_DAYS,))
    if not server.rows(connection, CANARIES)[0][0]:
        context.journal.record("canaries_damaged")
