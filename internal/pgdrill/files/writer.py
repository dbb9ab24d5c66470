"""A client of the database: writes numbered rows through one address and tells of every attempt in a line of JSON.

The settings are the first line of standard input, for they hold the password. It ends when standard input does, and so
with the connection that started it. Nothing waits longer than its limit: a server that hangs is a failed attempt.
"""

import datetime
import json
import os
import select
import socket
import sys
import threading
import time

import psycopg2
import psycopg2.extensions

CONNECT_LIMIT = 2.0
WRITE_LIMIT = 2.0
PACE = 0.1  # between the starts of two attempts
PAUSE = 0.05  # after a failed one
INSERT = """INSERT INTO numbered (scenario, route, number, payload) VALUES (%s, %s, %s, %s)
RETURNING host(inet_server_addr()), ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int"""


class Silence(Exception):
    """The server did not answer in time."""


def clock():
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def settle(connection, limit):
    """Drive an asynchronous connection until it has finished what it does."""
    deadline = time.monotonic() + limit
    while True:
        state = connection.poll()
        if state == psycopg2.extensions.POLL_OK:
            return
        left = deadline - time.monotonic()
        reads = [connection] if state == psycopg2.extensions.POLL_READ else []
        writes = [connection] if state == psycopg2.extensions.POLL_WRITE else []
        if left <= 0 or not any(select.select(reads, writes, [], left)):
            raise Silence("no answer in %.0f s" % limit)


class Writer:
    """One connection at a time, and the number of the next row."""

    def __init__(self, settings):
        self.settings = settings
        self.connection = None
        self.number = 0

    def connect(self):
        address = socket.getaddrinfo(self.settings["address"], 5432, socket.AF_INET, socket.SOCK_STREAM)[0][4][0]
        self.connection = psycopg2.connect(
            hostaddr=address, host=self.settings["address"], dbname=self.settings["database"], user=self.settings["user"],
            password=self.settings["password"], sslmode="require", async_=1)
        settle(self.connection, CONNECT_LIMIT)

    def drop(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def attempt(self):
        """Try to write the next row and return what came of it."""
        self.number += 1
        told = {"route": self.settings["route"], "number": self.number, "start": clock(), "ok": False, "sent": False}
        try:
            if self.connection is None:
                self.connect()
            cursor = self.connection.cursor()
            told["sent"] = True
            cursor.execute(INSERT, (self.settings["scenario"], self.settings["route"], self.number, os.urandom(400).hex()))
            settle(self.connection, WRITE_LIMIT)
            told["server"], told["timeline"] = cursor.fetchone()
            told["ok"] = True
        except (psycopg2.Error, OSError, Silence) as error:
            told["error"] = " ".join(str(error).split())[:200] or type(error).__name__
            self.drop()
        told["end"] = clock()
        return told


def main():
    writer = Writer(json.loads(sys.stdin.readline()))
    over = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
    while not over.is_set():
        started = time.monotonic()
        told = writer.attempt()
        print(json.dumps(told), flush=True)
        rest = PACE - (time.monotonic() - started)
        over.wait(rest if told["ok"] else max(rest, PAUSE))


main()
