"""Questions to PostgreSQL servers: to the one of this host by its socket as postgres, to others by TLS as repmgr's user.

A frozen server accepts connections and then says nothing, so every wait for one is bounded here, on this side.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import dataclasses
import select
import socket
import struct
import threading
import time

PORT = 5432
SSL_REQUEST = struct.pack("!ii", 8, 80877103)  # the first packet of a client that wants TLS; answered before anything else
PATIENCE = 3.0  # seconds that a statement may take, unless the caller allows more
_patience = threading.local()

STATE = """
SELECT pg_is_in_recovery(),
  current_setting('default_transaction_read_only')::bool,
  (SELECT system_identifier::text FROM pg_control_system()),
  CASE WHEN pg_is_in_recovery()
    THEN greatest((SELECT received_tli FROM pg_stat_wal_receiver), (SELECT timeline_id FROM pg_control_checkpoint()),
                  (SELECT min_recovery_end_timeline FROM pg_control_recovery()))
    ELSE ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int END,
  CASE WHEN pg_is_in_recovery() THEN greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()) ELSE pg_current_wal_lsn() END
    - '0/0'::pg_lsn,
  CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() - '0/0'::pg_lsn END,
  (SELECT status FROM pg_stat_wal_receiver),
  (SELECT sender_host FROM pg_stat_wal_receiver)
"""

REPLICAS = """
SELECT application_name, state, sync_state, coalesce(flush_lsn - '0/0'::pg_lsn, 0) FROM pg_stat_replication
 WHERE application_name !~ 'basebackup'
"""

NODES = "SELECT node_id, node_name, type, active, upstream_node_id FROM repmgr.nodes ORDER BY node_id"

# Whom repmgrd of the asked node watches, and how many seconds ago it saw it; -1 when it never did.
LAST_SEEN = "SELECT repmgr.get_upstream_node_id(), repmgr.get_upstream_last_seen()"


class Unreachable(Exception):
    """A server did not answer in time, or refused."""


@dataclasses.dataclass(frozen=True)
class State:
    """What a running server is. lsn is what it wrote, or, in recovery, received; positions are numbers of bytes."""

    in_recovery: bool
    read_only: bool
    system_id: str
    timeline: int
    lsn: int
    replayed: int | None
    receiver: str | None
    sender: str | None

    @property
    def writable(self):
        """Whether it takes writes."""
        return not self.in_recovery


@dataclasses.dataclass(frozen=True)
class Replica:
    """A standby as its primary sees it."""

    name: str
    state: str
    sync_state: str
    flushed: int


@contextlib.contextmanager
def connect(settings, node=None, host=None, database="repmgr", patience=PATIENCE):
    """Yield a connection in autocommit mode: to the local server, to a node, or to any host. Raises Unreachable."""
    import psycopg2
    import psycopg2.extensions

    psycopg2.extensions.set_wait_callback(_wait)
    address = node.address if node else host
    # What the program writes is about the cluster: waiting for a standby, which may be waiting for it, helps nobody.
    arguments = {"dbname": database, "application_name": "infra", "connect_timeout": 2, "options": "-c synchronous_commit=local"}
    if address:
        arguments.update(host=address, user=settings.user, sslmode="require", tcp_user_timeout=int(patience * 1000))
    else:
        arguments.update(user="postgres")
    before = getattr(_patience, "seconds", PATIENCE)
    try:
        _patience.seconds = 2
        connection = psycopg2.connect(**arguments)
        _patience.seconds = patience
        try:
            connection.autocommit = True
            yield connection
        finally:
            connection.close()
    except psycopg2.Error as error:
        raise Unreachable("%s: %s" % (address or "the local server", str(error).strip() or type(error).__name__)) from error
    finally:
        _patience.seconds = before


def rows(connection, statement, arguments=None):
    """Return the rows of a statement."""
    with connection.cursor() as cursor:
        cursor.execute(statement, arguments)
        return cursor.fetchall() if cursor.description else []


def state(connection):
    """Return the State of a connected server."""
    return State(*(int(value) if index in (4, 5) and value is not None else value
                   for index, value in enumerate(rows(connection, STATE)[0])))


def replicas(connection):
    """Return the standbys that a connected primary serves."""
    return [Replica(name, status, sync, int(flushed)) for name, status, sync, flushed in rows(connection, REPLICAS)]


def record_timeline(connection, timeline):
    """A server that was promoted just now records its old timeline until a checkpoint: ask for one. Return whether that was so."""
    if rows(connection, "SELECT timeline_id FROM pg_control_checkpoint()")[0][0] == timeline:
        return False
    rows(connection, "CHECKPOINT")
    return True


def ask(settings, node=None, patience=PATIENCE):
    """Return the State of a node, the local one without node. Raises Unreachable."""
    if node and node.number == settings.number:
        node = None
    with connect(settings, node, patience=patience) as connection:
        return state(connection)


def alive(node, patience=1.5):
    """Whether the node's server says anything at all: also one that is full, or starting, does; a frozen one does not."""
    try:
        with socket.create_connection((node.address, PORT), timeout=patience) as line:
            line.settimeout(patience)
            line.sendall(SSL_REQUEST)
            return line.recv(1) in (b"S", b"N", b"E")
    except OSError:
        return False


def ask_all(settings, nodes, question=ask):
    """Ask the nodes side by side. Return number -> the answer, None where there was none."""
    def one(node):
        try:
            return question(settings, node)
        except Unreachable:
            return None

    if not nodes:
        return {}
    with concurrent.futures.ThreadPoolExecutor(len(nodes)) as pool:
        return dict(zip([node.number for node in nodes], pool.map(one, nodes)))


@dataclasses.dataclass(frozen=True)
class Sight:
    """When a node's repmgrd last saw its upstream: so many seconds before it was asked, None when it never did."""

    upstream: int
    ago: float | None
    asked: float

    @property
    def last(self):
        """The moment of it, or None."""
        return None if self.ago is None else self.asked - self.ago


def last_seen(settings, node):
    """Return the Sight of a node. Raises Unreachable."""
    with connect(settings, None if node.number == settings.number else node) as connection:
        upstream, seconds = rows(connection, LAST_SEEN)[0]
    return Sight(upstream, None if seconds is None or seconds < 0 else seconds, time.time())


def _wait(connection):
    """Wait for a connection's socket, as psycopg2 asks, but not for ever."""
    import psycopg2
    from psycopg2 import extensions

    deadline = time.monotonic() + getattr(_patience, "seconds", PATIENCE)
    while True:
        status = connection.poll()
        if status == extensions.POLL_OK:
            return
        left = deadline - time.monotonic()
        handles = [connection.fileno()]
        reading = handles if status == extensions.POLL_READ else []
        writing = handles if status == extensions.POLL_WRITE else []
        if left <= 0 or not any(select.select(reading, writing, [], left)):
            raise psycopg2.OperationalError("no answer in time")
