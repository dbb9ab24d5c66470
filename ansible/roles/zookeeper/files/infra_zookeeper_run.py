#!/usr/bin/python3
"""Runs ZooKeeper, and kills it in the moment in which it could not write its transaction log.

ZooKeeper 3.8 goes on without: when a volume is full, the thread that writes the transaction log ends, the server joins the ensemble
again, and appends what it confirms from then on to the same file, behind a torn record. No server reads beyond that: after its next
start it lacks what it has confirmed, or does not start at all. Killed, it has confirmed nothing that it cannot read: systemd starts it
again, and it goes on in a new file.

The server takes this process' place, so that it is the service's main process; its log goes through a child that watches it.
"""

from __future__ import annotations

import os
import re
import signal
import sys
from typing import BinaryIO

# What ZooKeeperCriticalThread says before anything else becomes of it, and, within so many lines, for others may speak in between, the
# words of the kernel. A thread that ended for another reason, as happens to one that joins under load (ZOOKEEPER-4394), has torn nothing.
ENDED = b"Severe unrecoverable error, from thread"
WITHIN = 20
DISK = re.compile(
    rb"java\.io\.\w+: .*(No space left on device|Input/output error|Read-only file system|Disk quota exceeded|File too large|Structure needs cleaning)"
)


def watch(server: int, log: BinaryIO, out: BinaryIO) -> None:
    """Pass a server's log on until it ends; server is a descriptor of its process."""
    looking = 0
    for line in log:
        out.write(line)
        out.flush()
        looking = WITHIN if ENDED in line else looking - 1
        if looking > 0 and DISK.match(line):
            out.write(b"ZooKeeper could not write its transaction log: it is killed, before it confirms what nobody could read\n")
            out.flush()
            signal.pidfd_send_signal(server, signal.SIGKILL)


def main(argv: list[str]) -> None:
    server = os.pidfd_open(os.getpid())
    reading, writing = os.pipe()
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    if os.fork() == 0:
        os.close(writing)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it is the server's: the log ends when that does
        with os.fdopen(reading, "rb") as log:
            watch(server, log, sys.stderr.buffer)
        return
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
    os.close(reading)
    os.dup2(writing, 2)
    os.close(writing)
    os.execv(argv[0], argv)


if __name__ == "__main__":
    main(sys.argv[1:])
