"""Says twice a second whether the server of this host takes writes, by writing. One line of JSON each time.

Runs as postgres through the local socket and ends when standard input does. A server that answers too late is silent,
which is not the same as one that refuses.
"""

import datetime
import json
import select
import sys
import threading
import time

import psycopg2
import psycopg2.extensions

LIMIT = 1.0
PERIOD = 0.5
LOOK = "SELECT pg_is_in_recovery()"
# Durable here is enough: whether a standby has it too is another question.
WRITE = """WITH locally AS (SELECT set_config('synchronous_commit', 'local', false))
INSERT INTO probe (node) SELECT %s FROM locally
RETURNING ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int"""


class Silence(Exception):
    """The server did not answer in time."""


def clock():
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def settle(connection):
    deadline = time.monotonic() + LIMIT
    while True:
        state = connection.poll()
        if state == psycopg2.extensions.POLL_OK:
            return
        left = deadline - time.monotonic()
        reads = [connection] if state == psycopg2.extensions.POLL_READ else []
        writes = [connection] if state == psycopg2.extensions.POLL_WRITE else []
        if left <= 0 or not any(select.select(reads, writes, [], left)):
            raise Silence("no answer in %.0f s" % LIMIT)


class Watcher:
    """Keeps one connection to the local server."""

    def __init__(self, node):
        self.node = node
        self.connection = None

    def look(self):
        told = {"node": self.node, "start": clock()}
        try:
            if self.connection is None:
                self.connection = psycopg2.connect(host="/var/run/postgresql", dbname="infra_drill", user="postgres", async_=1)
                settle(self.connection)
            cursor = self.connection.cursor()
            cursor.execute(LOOK)
            settle(self.connection)
            if cursor.fetchone()[0]:
                told["state"] = "standby"
            else:
                cursor.execute(WRITE, (self.node,))
                settle(self.connection)
                told["timeline"] = cursor.fetchone()[0]
                told["state"] = "writable"
        except Silence:
            told["state"] = "silent"
        except (psycopg2.Error, OSError) as error:
            told["state"] = "refuses"
            told["error"] = " ".join(str(error).split())[:200]
        if told["state"] in ("silent", "refuses") and self.connection is not None:
            self.connection.close()
            self.connection = None
        told["end"] = clock()
        return told


def main():
    watcher = Watcher(sys.stdin.readline().strip())
    over = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
    while not over.is_set():
        started = time.monotonic()
        print(json.dumps(watcher.look()), flush=True)
        over.wait(max(0.1, PERIOD - (time.monotonic() - started)))


main()
